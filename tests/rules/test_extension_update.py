"""What the rule ``extension-update`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "extension-update"

EXPECTED = """\
info[extension-update] extension_update_bad.py:11:5 (revision extension_update_bad)
  11 │     op.execute("ALTER EXTENSION vector UPDATE")
     │     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

  Updating vector leaves indexes as the earlier version wrote them.

  Instead:
    Read its changelog, and REINDEX … CONCURRENTLY where it asks for that.

1 revision, 1 statement judged for PostgreSQL 16: 1 remark.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)
