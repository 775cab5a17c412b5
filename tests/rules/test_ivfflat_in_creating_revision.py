"""What the rule ``ivfflat-in-creating-revision`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "ivfflat-in-creating-revision"

EXPECTED = """\
error[ivfflat-in-creating-revision] ivfflat_in_creating_revision_bad.py:12:5 (revision ivfflat_in_creating_revision_bad)
  12 │     op.create_index(
  13 │         "ix_notes_embedding",
  14 │         "notes",
  15 │         ["embedding"],
     …
  19 │     )

  ix_notes_embedding is an IVFFlat index, and notes holds no vector yet: its lists are trained on
  nothing, so searches will miss most of what they should find.

  Instead:
    Build it after the data is there, or use HNSW:

    op.create_index(
        "ix_notes_embedding",
        "notes",
        ["embedding"],
        postgresql_using="hnsw",
        postgresql_ops={"embedding": "vector_cosine_ops"},
    )

1 revision, 2 statements judged for PostgreSQL 16: 1 error.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)
