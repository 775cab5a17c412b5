"""What the rule ``dimension-from-settings`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "dimension-from-settings"

EXPECTED = """\
warn[dimension-from-settings] dimension_from_settings_bad.py:13:76 (revision dimension_from_settings_bad)
  13 │     op.add_column("workflow_insights", sa.Column("title_embedding", Vector(int(os.environ.get("EMBEDDING_SIZE", "3")))))
     │                                                                            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

  The dimension int(os.environ.get('EMBEDDING_SIZE', '3')) comes from outside the revision: the same
  revision makes different columns on different deployments.

  Instead:
    Write the number of the model's dimensions.

1 revision, 1 statement judged for PostgreSQL 16: 1 warning.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)
