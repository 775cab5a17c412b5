"""Executing what capture recorded does what Alembic itself does."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from psycopg import sql

from sluicegate.capture.model import CapturedRevision, CaptureMode
from sluicegate.capture.revisions import capture_history

PROJECT = Path(__file__).parents[2] / "projects" / "capture_shop"
CONVENTION = {"ix": "ix_%(table_name)s_%(column_0_N_name)s", "uq": "uq_%(table_name)s_%(column_0_name)s"}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    shutil.copytree(PROJECT, tmp_path / "shop")
    return tmp_path / "shop"


def run_with_alembic(project: Path, url: str) -> None:
    engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    config = Config(str(project / "alembic.ini"))
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "heads")
    engine.dispose()


def execute_captured(history: list[CapturedRevision], url: str) -> None:
    open_transaction = None
    with psycopg.connect(url, autocommit=True) as connection:
        for revision in history:
            for statement in revision.statements:
                if statement.transaction != open_transaction:
                    connection.execute("COMMIT" if open_transaction is not None else "SELECT 1")
                    connection.execute("BEGIN" if statement.transaction is not None else "SELECT 1")
                    open_transaction = statement.transaction
                for _ in range(statement.repeated):
                    connection.execute(statement.sql)
        if open_transaction is not None:
            connection.execute("COMMIT")


QUESTIONS = (
    """
    SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attgenerated,
           pg_get_expr(d.adbin, d.adrelid), col_description(c.oid, a.attnum)
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v') ORDER BY c.relname, a.attnum
    """,
    """
    SELECT relname, reloptions, obj_description(oid) FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v', 'i') ORDER BY 1
    """,
    "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1",
    """
    SELECT conname, conrelid::regclass::text, pg_get_constraintdef(oid), convalidated FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2
    """,
    "SELECT enumlabel FROM pg_enum ORDER BY enumsortorder",
    "SELECT definition FROM pg_views WHERE schemaname = 'public'",
)


def described(url: str) -> list[list[Any]]:
    """Return the whole schema and every row, but for Alembic's own table."""
    with psycopg.connect(url) as connection:
        found = [connection.execute(question).fetchall() for question in QUESTIONS]
        tables = sorted({row[0] for row in found[0]} - {"alembic_version", "large"})
        rows = [
            connection.execute(sql.SQL("SELECT t::text FROM {} t ORDER BY 1").format(sql.Identifier(table))).fetchall()
            for table in tables
        ]
    return [*found, *rows]


@pytest.mark.parametrize("each", [False, True], ids=["one transaction", "one each"])
def test_captured_statements_do_what_alembic_does(
    server: Any, project: Path, make_database: Callable[..., str], each: bool
) -> None:
    history = capture_history(
        project,
        version=server.version,
        driver="psycopg",
        naming_convention=CONVENTION,
        transaction_per_migration=each,
    )
    assert {revision.revision: (revision.mode, revision.reason) for revision in history} == {
        f"0{number}": (CaptureMode.RECORDED, None) for number in range(1, 8)
    }
    real, ours = make_database(server), make_database(server)
    run_with_alembic(project, real)
    with psycopg.connect(ours, autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE alembic_version (version_num varchar(32) NOT NULL,"
            " CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
        )
    execute_captured(history, ours)
    assert described(ours) == described(real)
