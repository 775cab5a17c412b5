"""Taking a snapshot of real servers: sizes and schema of one moment, nothing written, nothing secret."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from sluicegate.catalog.dump import load_script
from sluicegate.catalog.model import Name
from sluicegate.cli import run
from sluicegate.dryrun.fingerprint import prove, take_fingerprint
from sluicegate.errors import ServerError, UsageError
from sluicegate.snapshot.schema_dump import PgDump, find_pg_dump, storable
from sluicegate.snapshot.take import take_snapshot

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
SETUP = """
CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY);
INSERT INTO alembic_version VALUES ('0003');
CREATE TABLE events (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, payload text, embedding vector(3));
INSERT INTO events (payload, embedding) SELECT 'a value of a row', '[1,2,3]' FROM generate_series(1, 2000);
CREATE INDEX events_ann ON events USING hnsw (embedding vector_l2_ops);
CREATE TABLE parts (id int, at int) PARTITION BY RANGE (at);
CREATE TABLE parts_low PARTITION OF parts FOR VALUES FROM (0) TO (10);
CREATE TABLE parts_high PARTITION OF parts FOR VALUES FROM (10) TO (20);
INSERT INTO parts SELECT i, i % 20 FROM generate_series(1, 1000) i;
CREATE INDEX parts_id ON parts (id);
CREATE FOREIGN DATA WRAPPER elsewhere;
CREATE SERVER other FOREIGN DATA WRAPPER elsewhere OPTIONS (host 'internal.example', password 'server-secret');
CREATE USER MAPPING FOR postgres SERVER other OPTIONS (password 'mapping-secret');
ANALYZE;
"""


@pytest.fixture
def production(database) -> str:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(SETUP)
    return database


def take(url: str):
    return take_snapshot(url, version_table="alembic_version", now=NOW)


def test_sizes_versions_and_heads_are_what_the_server_has(production):
    facts = take(production).facts
    with psycopg.connect(production) as connection:
        version = connection.info.server_version
        heap, index, ann = connection.execute(
            "SELECT pg_relation_size('events'), pg_relation_size('events_pkey'), pg_relation_size('events_ann')"
        ).fetchone()
    events = facts.relations["public.events"]
    assert (events.rows, events.heap, events.index_bytes) == (2000, heap, index + ann)
    assert {name: (one.bytes, one.method, one.valid) for name, one in events.indexes.items()} == {
        "events_pkey": (index, "btree", True),
        "events_ann": (ann, "hnsw", True),
    }
    parts = facts.relations["public.parts"]
    assert (parts.kind, parts.rows, parts.heap > 0, parts.index_bytes > 0) == ("partitioned", 1000, True, True)
    assert facts.server_version == f"{version // 10_000}.{version % 10_000}"
    assert (facts.heads, facts.version_table) == (("0003",), "public.alembic_version")
    assert facts.extensions["vector"] == "0.8.5"
    assert facts.settings["TimeZone"] == "UTC"


def test_the_schema_can_be_loaded_and_is_the_servers(production):
    catalog = load_script(take(production).schema, version=18)
    assert catalog.relations[Name("public", "events")].columns["embedding"].type.modifiers == (3,)


def test_it_is_the_same_text_every_time(production):
    assert take(production) == take(production)


def test_it_holds_no_row_and_no_password(production):
    taken = take(production)
    for secret in ("a value of a row", "server-secret", "mapping-secret", "internal.example"):
        assert secret not in taken.schema
    assert "CREATE SERVER other FOREIGN DATA WRAPPER elsewhere;" in taken.schema


def test_nothing_is_changed(production):
    with psycopg.connect(production, autocommit=True) as connection:
        before = take_fingerprint(connection, (None, "alembic_version"))
        take(production)
        proof = prove(before, take_fingerprint(connection, (None, "alembic_version")))
    assert proof.unchanged


def test_a_database_without_a_version_table_has_no_heads(database):
    assert take(database).facts.heads is None


def test_a_locked_table_ends_it_soon_with_a_reason(production):
    with psycopg.connect(production) as connection:
        connection.execute("LOCK TABLE events")
        with pytest.raises(ServerError, match="Reading sizes failed: canceling statement due to lock timeout"):
            take(production)


def test_the_lowest_pg_dump_that_knows_the_server_is_chosen():
    assert find_pg_dump(16).version >= 16
    assert find_pg_dump(18).version >= 18


def test_no_pg_dump_that_knows_the_server_is_an_error_that_says_what_there_is():
    with pytest.raises(UsageError, match=r"No pg_dump here knows PostgreSQL 99; there is .*pg_dump \(1[68]\)"):
        find_pg_dump(99)


def test_pg_dump_older_than_the_server_says_so_in_its_own_words(server16, database18):
    from sluicegate.snapshot.schema_dump import schema_dump

    with pytest.raises(ServerError, match="server version mismatch"):
        schema_dump(PgDump(server16.binary("pg_dump"), 16), database18, snapshot="x")


def test_what_changes_from_run_to_run_is_left_out():
    text = "-- Dumped from database version 16.14\n\\restrict abc\nSELECT 1;\n\\unrestrict abc\n"
    assert storable(text) == "SELECT 1;\n"


def test_the_command_writes_both_files_and_says_what_it_found(production, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run(["snapshot", "take", "--database-url", production]) == 0
    said = capsys.readouterr().out
    assert said.startswith("written  safety/snapshot/schema.sql\nwritten  safety/snapshot/facts.json\n\nPostgreSQL 1")
    assert "5 tables, at 0003; schema by " in said
    assert Path("safety/snapshot/schema.sql").is_file()


def test_the_password_is_on_no_command_line(monkeypatch, server16, make_database):
    seen = []
    run_really = subprocess.run

    def spy(command, **more):
        seen.append([str(part) for part in command])
        return run_really(command, **more)

    monkeypatch.setattr(subprocess, "run", spy)
    take(make_database(server16) + "&password=s3cret")
    assert any("--schema-only" in command for command in seen)
    assert not any("s3cret" in part for command in seen for part in command)
