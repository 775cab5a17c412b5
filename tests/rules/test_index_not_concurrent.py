"""What the rule ``index-not-concurrent`` says of its example."""

from __future__ import annotations

import psycopg

from .verbs import assert_says, assert_silent, judge_sql

RULE = "index-not-concurrent"

EXPECTED = """\
error[index-not-concurrent] index_not_concurrent_bad.py:11:5 (revision index_not_concurrent_bad)
  11 │     op.create_index("ix_events_organization_id", "events", ["organization_id"])
     │     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

  Building ix_events_organization_id reads all of events under SHARE: every INSERT, UPDATE and
  DELETE on events waits until the index is built.

  Instead:
    with op.get_context().autocommit_block():
        op.create_index(
            "ix_events_organization_id",
            "events",
            ["organization_id"],
            postgresql_concurrently=True,
        )

1 revision, 1 statement judged for PostgreSQL 16: 1 error.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)


PARTITIONED = """
CREATE TABLE logs (id bigint NOT NULL, logged_on date NOT NULL) PARTITION BY RANGE (logged_on);
CREATE TABLE logs_2025 PARTITION OF logs FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE logs_2026 PARTITION OF logs FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
"""
REMEDY = """\
-- this revision: the index of the parent alone
CREATE INDEX ix_logs_id ON ONLY logs (id);

-- a revision of its own: each partition
-- outside a transaction
CREATE INDEX CONCURRENTLY logs_2025_ix_logs_id ON logs_2025 (id);
CREATE INDEX CONCURRENTLY logs_2026_ix_logs_id ON logs_2026 (id);

-- a later one: the index is valid once all are attached
ALTER INDEX ix_logs_id ATTACH PARTITION logs_2025_ix_logs_id;
ALTER INDEX ix_logs_id ATTACH PARTITION logs_2026_ix_logs_id;"""


def test_a_partitioned_table_is_indexed_partition_by_partition(tmp_path, database):
    report = judge_sql(RULE, "CREATE INDEX ix_logs_id ON logs (id)", tmp_path, setup=PARTITIONED)
    (finding,) = (f for f in report.findings if f.rule == RULE)
    assert finding.message == (
        "Building ix_logs_id reads every partition of logs in one transaction under SHARE: every INSERT, UPDATE and "
        "DELETE on logs waits until the last one is indexed."
    )
    assert finding.remedy == REMEDY
    with psycopg.connect(database, autocommit=True) as connection:
        for statement in (PARTITIONED + REMEDY).split(";"):
            if statement.strip():
                connection.execute(statement)
        query = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'ix_logs_id'::regclass"
        valid = connection.execute(query).fetchone()
    assert valid == (True,)


def test_an_index_of_the_parent_alone_is_no_finding(tmp_path):
    assert_silent(RULE, "CREATE INDEX ix_logs_id ON ONLY logs (id)", tmp_path, setup=PARTITIONED)


def test_a_partition_below_a_partition_has_advice_in_place_of_code(tmp_path):
    nested = PARTITIONED + (
        "CREATE TABLE logs_2027 PARTITION OF logs FOR VALUES FROM ('2027-01-01') TO ('2028-01-01') "
        "PARTITION BY RANGE (logged_on);"
        "CREATE TABLE logs_2027_1 PARTITION OF logs_2027 FOR VALUES FROM ('2027-01-01') TO ('2027-07-01');"
    )
    report = judge_sql(RULE, "CREATE INDEX ix_logs_id ON logs (id)", tmp_path, setup=nested)
    (finding,) = (f for f in report.findings if f.rule == RULE)
    assert finding.remedy.startswith("Build it with ON ONLY on each partitioned table")
