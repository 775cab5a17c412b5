"""Without a schema, what does not depend on a table's shape is certain, and what does is said to be unknown."""

from __future__ import annotations

import pytest

from sluicegate.catalog.model import Catalog
from sluicegate.catalog.session import Session
from sluicegate.effects.model import Certainty
from sluicegate.effects.predict import predict
from sluicegate.statements.parse import parse_statement


def judged(sql: str, version: int = 18):
    return predict(parse_statement(sql), Catalog(complete=False, version=version), Session(), version)


CERTAIN = {
    "ALTER TABLE t ADD COLUMN x int": ("AccessExclusiveLock", False, False),
    "ALTER TABLE s.t ADD COLUMN v vector(3)": ("AccessExclusiveLock", False, False),
    "ALTER TABLE t ADD COLUMN x float DEFAULT random()": ("AccessExclusiveLock", True, True),
    "ALTER TABLE t ADD COLUMN x int NOT NULL DEFAULT 3": ("AccessExclusiveLock", False, False),
    "ALTER TABLE t ADD COLUMN g int GENERATED ALWAYS AS (1) STORED": ("AccessExclusiveLock", True, True),
    "CREATE INDEX ON t (a)": ("ShareLock", False, True),
    "CREATE INDEX CONCURRENTLY i ON t (a)": ("ShareUpdateExclusiveLock", False, True),
    "CREATE INDEX ON t USING hnsw (v vector_l2_ops)": ("ShareLock", False, True),
    "ALTER TABLE t RENAME COLUMN a TO b": ("AccessExclusiveLock", False, False),
    "ALTER TABLE t ALTER COLUMN a DROP NOT NULL": ("AccessExclusiveLock", False, False),
    "VACUUM FULL t": ("AccessExclusiveLock", True, True),
    "DO $$ BEGIN ALTER TABLE t ADD COLUMN x int; END $$": ("AccessExclusiveLock", False, False),
}


@pytest.mark.parametrize("sql", CERTAIN)
def test_what_no_shape_changes_is_certain(sql):
    effects = judged(sql)
    mode, rewrites, scans = CERTAIN[sql]
    (name,) = effects.locks
    assert effects.error is None
    assert (effects.locks[name].name, bool(effects.rewrites), bool(effects.scans)) == (mode, rewrites, scans)
    assert effects.certainty is Certainty.CERTAIN, effects.unknowns


@pytest.mark.parametrize(
    "sql",
    [
        "ALTER TABLE t ALTER COLUMN a TYPE varchar(9)",
        "ALTER TABLE t ALTER COLUMN a SET NOT NULL",
        "ALTER TABLE t ADD COLUMN x nosuchtype",
        "ALTER TABLE t ADD COLUMN x int DEFAULT nosuch()",
        "ALTER TABLE t VALIDATE CONSTRAINT c",
        "ALTER TABLE t DROP CONSTRAINT c",
    ],
)
def test_what_the_shape_decides_is_unknown_but_the_lock_is_told(sql):
    effects = judged(sql)
    assert effects.certainty is Certainty.UNKNOWN
    assert "public.t" in effects.locks
    assert effects.unknowns


def test_no_trace_of_an_assumption_is_left_in_the_answer():
    effects = judged("ALTER TABLE t ADD COLUMN x float DEFAULT random()")
    assert effects.index_locks == {}
    assert effects.depends_on_data == ("writes every index of public.t anew, where there are any",)


def test_an_error_that_no_shape_prevents_is_certain():
    effects = judged("CREATE INDEX ON t USING hnsw (v)")
    assert (effects.error.sqlstate, effects.certainty) == ("42704", Certainty.CERTAIN)
    assert judged("ALTER TABLE t ADD COLUMN x int GENERATED ALWAYS AS (1) VIRTUAL", 16).error.sqlstate == "42601"


def test_a_new_table_that_references_itself_is_not_taken_for_one_that_exists():
    effects = judged("CREATE TABLE node (id int PRIMARY KEY, parent int REFERENCES node (id))")
    assert (effects.error, effects.certainty, dict(effects.locks)) == (None, Certainty.CERTAIN, {})


def test_a_change_to_a_type_that_only_columns_of_it_become_unconverted_is_a_rewrite():
    effects = judged("ALTER TABLE t ALTER COLUMN a TYPE bigint")
    assert (effects.certainty, effects.rewrites) == (Certainty.CERTAIN, {"public.t"})
    assert "rewrites nothing if public.t.a is bigint already" in effects.depends_on_data
