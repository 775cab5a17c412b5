"""On a clone without rows, what depends on rows contradicts no prediction, and nothing else is forgiven."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sluicegate.dryrun.clone import clone
from sluicegate.dryrun.compare import compare
from sluicegate.dryrun.foresight import Foresight
from sluicegate.dryrun.observation import parsed
from sluicegate.dryrun.observe import trace
from sluicegate.effects.model import Certainty
from sluicegate.findings import Evidence
from sluicegate.pg.connect import connect
from sluicegate.pg.embedded import EmbeddedServer
from sluicegate.snapshot.load import load_catalog

DATA = Path(__file__).parents[1] / "forms" / "data"
FACTS = [json.loads(line) for line in (DATA / "facts.jsonl").read_text(encoding="utf-8").splitlines()]
EMPTY = """
DO $$
DECLARE all_tables text;
BEGIN
    SELECT string_agg(oid::regclass::text, ', ') INTO all_tables FROM pg_class
    WHERE relkind IN ('r', 'p') AND relnamespace IN ('public'::regnamespace, 'app'::regnamespace);
    EXECUTE 'TRUNCATE ' || all_tables;
END $$
"""


def test_an_empty_clone_contradicts_no_prediction(server: EmbeddedServer) -> None:
    rows = [row for row in FACTS if row["pg"] == server.version and not row["setup"]]
    rows = [row for row in rows if row["in_transaction"] == "allowed"][::7]
    assert len(rows) > 70
    contradicted = {}
    confirmed = 0
    with clone(server.url()) as url, connect(url) as connection:
        connection.execute((DATA / "base.sql").read_bytes())
        connection.execute(EMPTY.encode())
        foresight = Foresight(load_catalog, server.version)
        for row in rows:
            foresight.begin_transaction()
            statements = parsed(row["sql"])
            predicted = foresight.predict(connection, statements, autocommit=False)
            single = statements[0] if len(statements) == 1 else None
            comparison = compare(predicted, trace(connection, row["sql"]), single, with_rows=False)
            confirmed += comparison.evidence is Evidence.CONFIRMED
            if comparison.differences:
                contradicted[row["id"]] = [str(difference) for difference in comparison.differences]
    assert contradicted == {}
    assert confirmed > len(rows) * 0.9


@pytest.fixture
def foresight(server18: EmbeddedServer) -> Foresight:
    return Foresight(load_catalog, 18)


def test_settings_within_one_text_are_followed(database18: str, foresight: Foresight) -> None:
    with connect(database18) as connection:
        connection.execute("CREATE SCHEMA app; CREATE TABLE app.t (id int); CREATE TABLE t (id int)")
        both = parsed("SET search_path = app; ALTER TABLE t ADD COLUMN x int")
        effects = foresight.predict(connection, both, autocommit=False)
    assert effects is not None
    assert set(effects.locks) == {"app.t"}


def test_relations_that_one_text_creates_do_not_appear(database18: str, foresight: Foresight) -> None:
    with connect(database18) as connection:
        connection.execute("CREATE TABLE old (id int)")
        text = parsed("CREATE TABLE new (id int); ALTER TABLE new ADD COLUMN x int; DROP TABLE old")
        effects = foresight.predict(connection, text, autocommit=False)
    assert effects is not None
    assert set(effects.locks) == {"public.old"}


def test_reading_the_catalog_leaves_the_migrations_session_alone(database18: str, foresight: Foresight) -> None:
    with connect(database18, autocommit=False, settings={"search_path": "app, public"}) as connection:
        connection.execute("SELECT 1")
        foresight.predict(connection, parsed("SELECT 1"), autocommit=False)
        assert connection.execute("SHOW search_path").fetchone() == ("app, public",)


def test_a_slip_of_ours_is_no_fault_of_the_revision(
    database18: str, foresight: Foresight, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slip(*_: object) -> None:
        raise KeyError("oid")

    monkeypatch.setattr("sluicegate.effects.predict.predict_in", slip)
    with connect(database18) as connection:
        effects = foresight.predict(connection, parsed("SELECT 1"), autocommit=False)
    assert effects is not None
    assert effects.certainty is Certainty.UNKNOWN
    assert effects.unknowns == ("sluicegate itself failed here (KeyError: 'oid'); please report the statement",)
