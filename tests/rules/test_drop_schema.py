"""What the rule ``drop-schema`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "drop-schema"

EXPECTED = """\
error[drop-schema] drop_schema_bad.py:11:5 (revision drop_schema_bad)
  11 │     op.execute("DROP SCHEMA archive CASCADE")
     │     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

  Dropping the schema archive destroys events.

  Instead:
    Drop its tables by name, each after the release that stopped using it, and the empty schema
    last.

1 revision, 1 statement judged for PostgreSQL 16: 1 error.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)
