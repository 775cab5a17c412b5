"""What the rule ``data-change-in-revision`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "data-change-in-revision"

EXPECTED = """\
error[data-change-in-revision] data_change_in_revision_bad.py:12:5 (revision data_change_in_revision_bad)
  12 │     op.execute("UPDATE workflow_insights SET language = 'en'")
     │     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

  UPDATE touches every row of workflow_insights in one transaction: each changed row stays locked,
  and the deploy waits, until the last one is done.

  Instead:
    # backfills/data_change_in_revision_bad_workflow_insights_language.py, run outside the deploy
    backfill = Backfill(
        revision="data_change_in_revision_bad",
        table="public.workflow_insights",
        key="id",
        where="true",
        done="row.language IS NOT NULL",
        apply="UPDATE workflow_insights AS target SET language = 'en' FROM {chunk} AS row WHERE target.id = row.id",
        tracking=HighWatermark(),
    )

    # the first line of the revision that relies on it
    op.require_backfill("data_change_in_revision_bad")

1 revision, 2 statements judged for PostgreSQL 16: 1 error.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)
