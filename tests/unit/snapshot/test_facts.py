"""facts.json: what is written is what is read, and what is not ours is refused with its name."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluicegate.errors import UsageError
from sluicegate.settings.policy import Policy, load_policy
from sluicegate.snapshot.facts import Facts, IndexSize, Size, read_facts, write_facts
from sluicegate.snapshot.stored import Snapshot, find_snapshot, store_snapshot
from sluicegate.snapshot.take import _rows

TAKEN = datetime(2026, 11, 1, 12, tzinfo=UTC)
FACTS = Facts(
    TAKEN,
    "16.14",
    {"public.events": Size(1_150_000, 8_000_000_000, 100, {"events_pkey": IndexSize(25_000_000, "btree")}, "table", 1)},
    heads=("0003",),
    extensions={"vector": "0.8.5"},
    settings={"TimeZone": "UTC"},
)


def test_the_file_holds_these_words():
    assert (
        write_facts(FACTS)
        == """\
{
  "format": 1,
  "taken_at": "2026-11-01T12:00:00Z",
  "server_version": "16.14",
  "alembic": {
    "version_table": "public.alembic_version",
    "heads": [
      "0003"
    ]
  },
  "extensions": {
    "vector": "0.8.5"
  },
  "settings": {
    "TimeZone": "UTC"
  },
  "relations": {
    "public.events": {
      "kind": "table",
      "rows": 1150000,
      "heap_bytes": 8000000000,
      "toast_bytes": 100,
      "index_bytes": 1,
      "indexes": {
        "events_pkey": {
          "bytes": 25000000,
          "method": "btree",
          "valid": true
        }
      }
    }
  }
}
"""
    )


COUNTS = st.integers(0, 2**60)
INDEXES = st.dictionaries(st.text(), st.builds(IndexSize, COUNTS, st.sampled_from(["btree", "hnsw"]), st.booleans()))
SIZES = st.builds(Size, st.none() | COUNTS, COUNTS, COUNTS, INDEXES, st.sampled_from(["table", "partitioned"]), COUNTS)


@given(st.dictionaries(st.text(), SIZES), st.none() | st.lists(st.text()).map(tuple))
def test_what_is_written_is_read(relations, heads):
    facts = Facts(TAKEN, "18.4", relations, heads=heads)
    assert read_facts(write_facts(facts), "facts.json") == facts


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "facts.json is no snapshot of ours (JSONDecodeError"),
        ("[]", "facts.json is no snapshot of ours (TypeError"),
        ('{"format": 2}', "facts.json has format 2; this sluicegate reads format 1."),
        ('{"format": 1}', "facts.json is no snapshot of ours (KeyError: 'alembic')."),
        (
            write_facts(FACTS).replace("1150000", "-1"),
            "facts.json is no snapshot of ours (ValueError: -1 is no count).",
        ),
        (
            write_facts(FACTS).replace("1150000", '"x"'),
            "facts.json is no snapshot of ours (ValueError: 'x' is no count)",
        ),
        (write_facts(FACTS).replace("16.14", "devel"), "facts.json is no snapshot of ours (ValueError"),
    ],
)
def test_what_is_no_snapshot_is_refused(text, words):
    with pytest.raises(UsageError) as caught:
        read_facts(text, "facts.json")
    assert caught.value.message.startswith(words)
    assert caught.value.hint == "Take it again with: sluicegate snapshot take"


@pytest.mark.parametrize(
    ("tuples", "pages", "live", "now", "rows"),
    [
        (-1, 0, 0, 0, 0),
        (-1, 0, 0, 8, None),
        (-1, 0, 700, 8, 700),
        (1000, 10, 0, 10, 1000),
        (1000, 10, 0, 20, 2000),
        (0, 0, 0, 5, None),
        (0, 4, 300, 5, 300),
    ],
    ids=["empty", "never analyzed", "counted live", "analyzed", "grown since", "filled since", "emptied and filled"],
)
def test_rows_are_estimated_as_the_planner_does_and_unknown_stays_unknown(tuples, pages, live, now, rows):
    assert _rows(tuples, pages, live, now) == rows


@pytest.fixture
def policy(tmp_path, monkeypatch) -> Policy:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "safety").mkdir()
    (tmp_path / "safety" / "policy.toml").write_text("[server]\npostgresql = 16\n[snapshot]\nmax_age_days = 10\n")
    return load_policy(Path("safety/policy.toml"))


def test_a_snapshot_beside_the_policy_is_found(policy):
    assert find_snapshot(policy) is None
    store_snapshot(Path("safety/snapshot"), "SELECT 1;\n", FACTS)
    found = find_snapshot(policy)
    assert (found.schema, found.facts) == ("SELECT 1;\n", FACTS)
    assert sorted(path.name for path in Path("safety/snapshot").iterdir()) == ["facts.json", "schema.sql"]


def test_half_a_snapshot_is_refused(policy):
    store_snapshot(Path("safety/snapshot"), "SELECT 1;\n", FACTS)
    Path("safety/snapshot/facts.json").unlink()
    with pytest.raises(UsageError, match=r"The snapshot in safety/snapshot has schema.sql and no facts.json."):
        find_snapshot(policy)


def test_an_old_snapshot_and_one_of_another_version_are_remarked_on(policy):
    snapshot = Snapshot(Path("safety/snapshot"), "", FACTS)
    assert snapshot.remarks(policy, date(2026, 11, 11)) == ()
    assert snapshot.remarks(policy, date(2026, 11, 12))[0] == (
        "The snapshot in safety/snapshot is 11 days old (more than 10): schema and sizes may have changed. Take it "
        "again with: sluicegate snapshot take"
    )
    other = Snapshot(Path("safety/snapshot"), "", read_facts(write_facts(FACTS).replace("16.14", "18.4"), "x"))
    assert other.remarks(policy, None)[0] == (
        "The snapshot in safety/snapshot comes from PostgreSQL 18.4; revisions are judged for 16. Set [server] "
        "postgresql in safety/policy.toml to what production runs."
    )


def test_no_value_of_a_row_is_among_the_facts():
    keys = {"kind", "rows", "heap_bytes", "toast_bytes", "index_bytes", "indexes"}
    assert {key for size in json.loads(write_facts(FACTS))["relations"].values() for key in size} == keys
