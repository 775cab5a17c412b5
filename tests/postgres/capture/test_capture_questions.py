"""Questions that migrations ask in SQL get the server's answers from the catalog."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pytest

from sluicegate.capture.answers import answer
from sluicegate.capture.functions import Facts
from sluicegate.catalog.dump import load_script
from sluicegate.catalog.session import Session
from sluicegate.statements.parse import parse_script, parse_statement

DATA = Path(__file__).parents[2] / "data"
SCHEMA = (DATA / "capture_schema.sql").read_text()
QUESTIONS = parse_script((DATA / "capture_questions.sql").read_text())


@pytest.fixture
def asked(server, database: str) -> Any:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("DROP EXTENSION vector")
        connection.execute(SCHEMA)
        yield connection, Facts(load_script(SCHEMA, version=server.version), Session(), server.version, {})


def shown(value: object) -> object:
    return value.decode() if isinstance(value, bytes) else value


def test_answers_are_the_servers(asked: Any) -> None:
    connection, facts = asked
    differing = {}
    for question in QUESTIONS:
        cursor = connection.execute(question.sql)
        real = ([c.name for c in cursor.description], [tuple(map(shown, row)) for row in cursor.fetchall()])
        found = answer(question, facts)
        if not found.certain or (list(found.columns), list(found.rows)) != real:
            differing[question.sql] = (real, found)
    assert differing == {}


@pytest.mark.parametrize(
    ("question", "rows"),
    [
        ("SELECT count(*) FROM events", ((0,),)),
        ("SELECT max(id), count(*) FROM events", ((None, 0),)),
        ("SELECT EXISTS (SELECT 1 FROM events)", ((False,),)),
        ("SELECT NOT EXISTS (SELECT 1 FROM events)", ((True,),)),
        ("SELECT id FROM events", ()),
        ("SELECT reltuples FROM pg_class WHERE relname = 'events'", ()),
        ("SELECT * FROM pg_stat_activity", ()),
        ("SELECT coalesce((SELECT max(id) FROM events), 5)", ((5,),)),
        ("SELECT 1 FROM events GROUP BY kind HAVING count(*) > 1", ()),
        ("SELECT pg_total_relation_size('events')", ((None,),)),
        ("SHOW lock_timeout", (("",),)),
    ],
)
def test_what_only_the_database_has_is_never_certain(question: str, rows: tuple[tuple[object, ...], ...]) -> None:
    facts = Facts(load_script(SCHEMA, version=16), Session(), 16, {})
    found = answer(parse_statement(question), facts)
    assert (found.certain, found.rows) == (False, rows)
