"""The example schema goes up, down and up again on both servers, and the gate holds in between."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psycopg

ROOT = Path(__file__).resolve().parents[2]


def run(module: str, database: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Alembic or sluicegate from the repository's root against a database."""
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": database},
        capture_output=True,
        text=True,
        check=False,
    )


def tables(database: str) -> list[str]:
    """Return the public tables of a database."""
    with psycopg.connect(database) as connection:
        rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1").fetchall()
    return [row[0] for row in rows]


def test_the_whole_change_runs_and_can_be_taken_back(database: str) -> None:
    expand = run("alembic", database, "upgrade", "0003")
    assert expand.returncode == 0, expand.stderr
    with psycopg.connect(database) as connection:
        connection.execute("INSERT INTO organizations (name) VALUES ('one')")
        connection.execute(
            "INSERT INTO events (organization_id, payload_text)"
            " SELECT 1, CASE WHEN n = 3 THEN '' ELSE 'event' END FROM generate_series(1, 25) AS n"
        )
        connection.execute(
            "INSERT INTO event_embeddings SELECT id, array_fill(1, ARRAY[1536])::vector FROM events"
            " WHERE id <= 10 AND id <> 3"
        )

    refused = run("alembic", database, "upgrade", "0004")
    assert refused.returncode != 0
    assert "backfill 0003" in (refused.stderr + refused.stdout).lower()
    assert "Traceback" not in refused.stderr

    assert (ran := run("sluicegate", database, "backfill", "run", "0003")).returncode == 0, ran.stderr
    verified = run("sluicegate", database, "backfill", "verify", "0003")
    assert verified.returncode == 0, verified.stderr
    assert "24/24" in verified.stdout

    contract = run("alembic", database, "upgrade", "head")
    assert contract.returncode == 0, contract.stderr
    with psycopg.connect(database) as connection:
        states = connection.execute(
            "SELECT state, count(*) FROM event_embedding_status GROUP BY 1 ORDER BY 1"
        ).fetchall()
        valid = connection.execute(
            "SELECT indisvalid FROM pg_index WHERE indexrelid = 'ix_event_embedding_status_pending'::regclass"
        ).fetchone()
        validated = connection.execute(
            "SELECT convalidated FROM pg_constraint WHERE conname = 'event_embedding_status_event_id_fkey'"
        ).fetchone()
    assert states == [("done", 9), ("pending", 15)]
    assert (valid, validated) == ((True,), (True,))

    down = run("alembic", database, "downgrade", "base")
    assert down.returncode == 0, down.stderr
    assert tables(database) == ["alembic_version"]
    again = run("alembic", database, "upgrade", "0003")
    assert again.returncode == 0, again.stderr


def test_the_contract_revision_runs_again_after_it_was_cut_short(database18: str) -> None:
    assert run("alembic", database18, "upgrade", "0003").returncode == 0
    assert run("sluicegate", database18, "backfill", "run", "0003").returncode == 0
    assert run("sluicegate", database18, "backfill", "verify", "0003").returncode == 0
    with psycopg.connect(database18, autocommit=True) as connection:
        # What a cut build and a commit after it leave behind.
        connection.execute("CREATE INDEX ix_event_embedding_status_pending ON event_embedding_status (state)")
        connection.execute(
            "ALTER TABLE event_embedding_status ADD CONSTRAINT event_embedding_status_event_id_fkey"
            " FOREIGN KEY (event_id) REFERENCES events (id) NOT VALID"
        )
    contract = run("alembic", database18, "upgrade", "head")
    assert contract.returncode == 0, contract.stderr
    with psycopg.connect(database18) as connection:
        definition = connection.execute(
            "SELECT indexdef FROM pg_indexes WHERE indexname = 'ix_event_embedding_status_pending'"
        ).fetchone()
    assert definition is not None
    assert definition[0].endswith("(event_id) WHERE (state = 'pending'::text)")
