"""The embedded servers run, keep their data over a crash, and say what is wrong when they cannot start."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path

import psycopg
import pytest

from sluicegate.errors import UsageError
from sluicegate.pg import embedded


def test_both_versions_run_with_pgvector(database: str) -> None:
    with psycopg.connect(database) as connection:
        row = connection.execute("SELECT '[1,2]'::vector <-> '[1,3]'::vector").fetchone()
    assert row == (1.0,)


def test_each_test_gets_an_empty_database(database: str) -> None:
    with psycopg.connect(database) as connection:
        row = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
    assert row == (0,)


def test_a_second_start_finds_the_running_server(tmp_path_factory: pytest.TempPathFactory) -> None:
    with embedded.temporary_server(18) as server:
        again = embedded.start(server.data, 18)
        assert again == server


def test_data_survives_a_kill(server18: embedded.EmbeddedServer) -> None:
    with embedded.temporary_server(18, settings={"synchronous_commit": "on"}) as server:
        with psycopg.connect(server.url(), autocommit=True) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 1 AS n")
        embedded.kill(server)
        with pytest.raises(psycopg.OperationalError), contextlib.closing(psycopg.connect(server.url())):
            pass
        embedded.start(server.data, 18)
        with psycopg.connect(server.url()) as connection:
            assert connection.execute("SELECT n FROM kept").fetchone() == (1,)


def test_a_path_too_long_for_a_socket_is_no_obstacle_and_leaves_nothing() -> None:
    with tempfile.TemporaryDirectory(prefix="sluicegate-test-", dir="/tmp") as top:
        long = Path(top) / ("d" * 100)
        long.mkdir()
        for folder in (Path(top), long):
            folder.chmod(0o755)
        with embedded.temporary_server(18, folder=long) as server:
            socket = server.socket
            assert len(str(socket)) < 40
            with psycopg.connect(server.url()) as connection:
                assert connection.execute("SELECT 1").fetchone() == (1,)
        assert not socket.exists()
        assert list(long.iterdir()) == []


def test_data_of_another_version_is_refused_and_kept(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "PG_VERSION").write_text("16\n")
    with pytest.raises(UsageError, match=r"holds data of PostgreSQL 16, not 18"):
        embedded.start(data, 18)
    assert (data / "PG_VERSION").read_text() == "16\n"


def test_a_version_outside_the_wheel_is_refused_with_the_way_out() -> None:
    with pytest.raises(UsageError) as refusal:
        embedded.binaries(15)
    assert refusal.value.message == "The embedded PostgreSQL comes as 16 and 18; 15 is not among them."
    assert refusal.value.hint == "Name a scratch database of that version with --database-url."
