"""How long work takes: ranges that grow with the table, in words that promise no more than is known."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluicegate.capture.sqlfiles import capture_sql
from sluicegate.catalog.dump import load_script
from sluicegate.lint.engine import Judge
from sluicegate.rules.kit.durations import SPREAD, Duration, Rates
from sluicegate.rules.kit.words import bytes_words
from sluicegate.settings.policy import Policy
from sluicegate.snapshot.facts import IndexSize, Size

SETUP = """
CREATE EXTENSION vector;
CREATE TABLE organizations (id bigint PRIMARY KEY, name text NOT NULL);
CREATE TABLE events (
    id bigint PRIMARY KEY, organization_id bigint, kind varchar(50), payload_text text NOT NULL, embedding vector(1536)
);
"""
SIZES = {
    "public.events": Size(
        1_150_000, 5_100_000_000, 3_000_000_000, {"events_pkey": IndexSize(25_000_000, "btree")}, "table", 25_000_000
    ),
    "public.organizations": Size(200, 16_384),
}


def said(sql: str, rule: str, policy: Policy | None = None, sizes=SIZES):
    """Return what a rule says of a statement, and its estimate."""
    judge = Judge(policy or Policy(lock_timeout="2s"), 16, sizes=sizes)
    report = judge.report([capture_sql(sql, "change.sql")], load_script(SETUP, version=16))
    found = next(f for f in report.findings if f.rule == rule)
    return found.message, found.estimate


@pytest.mark.parametrize(
    ("low", "words"),
    [
        (0, "less than a second"),
        (0.2, "less than a second"),
        (0.5, "up to 2 s"),
        (1, "1 to 4 s"),
        (58.6, "59 to 230 s"),
        (119, "120 to 480 s"),
        (120, "2 to 8 min"),
        (1234, "21 to 82 min"),
        (7200, "2 to 8 h"),
        (360_000, "100 to 400 h"),
    ],
)
def test_durations_in_words(low, words):
    assert Duration(low, low * SPREAD).words == words


@given(st.floats(0, 10**7), st.floats(0, 10**7))
def test_more_work_never_takes_less_time(one, other):
    low, high = sorted((int(one), int(other)))
    for work in (Rates({}).scan, Rates({}).rewrite, Rates({}).foreign_key, Rates({}).update):
        assert work(low).low <= work(high).low
        assert work(high).low <= work(high).high


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (8192, "8.2 kB"),
        (81_920, "82 kB"),
        (8_100_000_000, "8.1 GB"),
        (10**13, "10 TB"),
    ],
)
def test_bytes_in_words(size, words):
    assert bytes_words(size) == words


def test_a_rewrite_names_size_lock_and_seconds_with_its_indexes():
    message, estimate = said("ALTER TABLE events ALTER COLUMN id TYPE numeric", "rewriting-type-change")
    assert message == (
        "Changing events.id from bigint to numeric rewrites events (about 1,150,000 rows, 8.1 GB) and its indexes "
        "under ACCESS EXCLUSIVE: every query on events, SELECT included, waits until the last row is written. At this "
        "size that takes about 59 to 230 s."
    )
    assert estimate == {
        "tables": {"public.events": {"rows": 1_150_000, "bytes": 8_100_000_000}},
        "seconds": [58.6, 234.3],
    }


def test_a_check_reads_the_table_and_not_what_it_keeps_out_of_line():
    message, estimate = said("ALTER TABLE events ALTER COLUMN kind SET NOT NULL", "set-not-null-scan")
    assert message.endswith("At this size that takes about 5 to 20 s.")
    assert estimate["seconds"] == [5.1, 20.4]


def test_an_hnsw_build_depends_on_dimensions_and_effort():
    create = "CREATE INDEX i ON events USING hnsw (embedding vector_cosine_ops)"
    _, plain = said(create, "index-not-concurrent")
    _, thorough = said(f"{create} WITH (ef_construction = 256)", "index-not-concurrent")
    assert plain["seconds"][0] == pytest.approx(1_150_000 * 2 / 1_650 + 5.1, abs=1)
    assert thorough["seconds"][0] > 3.9 * plain["seconds"][0] - 20


def test_a_foreign_key_counts_lookups():
    _, estimate = said(
        "ALTER TABLE events ADD CONSTRAINT f FOREIGN KEY (organization_id) REFERENCES organizations (id)",
        "foreign-key-validated-at-once",
    )
    assert estimate["seconds"] == [0.3, 1.3]


def test_an_update_of_every_row_says_for_how_long_and_one_with_a_condition_does_not():
    message, estimate = said("UPDATE events SET kind = 'x'", "data-change-in-revision")
    assert message.endswith("At this size that takes about 29 to 120 s.")
    assert estimate["seconds"] == [28.8, 115.0]
    _, estimate = said("UPDATE events SET kind = 'x' WHERE kind IS NULL", "data-change-in-revision")
    assert estimate == {}


def test_truncate_takes_no_time_to_write():
    assert said("TRUNCATE events", "truncate")[1] == {}


def test_where_no_size_is_known_nothing_is_said():
    message, estimate = said("ALTER TABLE events ALTER COLUMN kind SET NOT NULL", "set-not-null-scan", sizes={})
    assert message.endswith("until the last row is read.")
    assert estimate == {}


def test_rows_of_the_policy_are_enough_for_a_guess_by_the_columns():
    policy = Policy(lock_timeout="2s", tables_rows={"public.events": 1_150_000})
    message, estimate = said("ALTER TABLE events ALTER COLUMN id TYPE numeric", "rewriting-type-change", policy, {})
    assert "events (about 1,150,000 rows) and its indexes" in message
    assert estimate["tables"] == {"public.events": {"rows": 1_150_000, "bytes": None}}
    assert 10 < estimate["seconds"][0] < 120


def test_the_policys_rates_go_before_the_measured_ones():
    policy = Policy(lock_timeout="2s", durations={"scan_mb_per_second": 100})
    _, estimate = said("ALTER TABLE events ALTER COLUMN kind SET NOT NULL", "set-not-null-scan", policy)
    assert estimate["seconds"] == [51.0, 204.0]


def test_a_table_that_the_snapshot_knows_to_be_small_is_no_outage():
    report = Judge(Policy(lock_timeout="2s"), 16, sizes=SIZES).report(
        [capture_sql("CREATE INDEX ix ON organizations (name)", "change.sql")], load_script(SETUP, version=16)
    )
    assert report.findings == ()


def test_few_rows_with_many_bytes_are_not_small():
    sizes = {"public.organizations": Size(200, 16_384, 9_000_000_000)}
    message, _ = said("CREATE INDEX ix ON organizations (name)", "index-not-concurrent", sizes=sizes)
    assert "organizations (about 200 rows, 9.0 GB)" in message


def test_the_snapshot_goes_before_the_policys_rows():
    policy = Policy(lock_timeout="2s", tables_rows={"public.events": 5})
    assert "1,150,000 rows" in said("CREATE INDEX ix ON events (kind)", "index-not-concurrent", policy)[0]
