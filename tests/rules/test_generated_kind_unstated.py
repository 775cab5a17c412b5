"""What the rule ``generated-kind-unstated`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "generated-kind-unstated"

EXPECTED = """\
info[generated-kind-unstated] generated_kind_unstated_bad.py:11:5 (revision generated_kind_unstated_bad)
  11 │     op.execute("ALTER TABLE events ADD COLUMN kind_length integer GENERATED ALWAYS AS (length(kind))")
     │     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

  kind_length says neither STORED nor VIRTUAL: PostgreSQL 18 takes VIRTUAL, earlier ones refuse it.

  Instead:
    Write VIRTUAL, or persisted=False in sa.Computed.

1 revision, 1 statement judged for PostgreSQL 18: 1 remark.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED, version=18)
