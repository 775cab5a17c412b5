"""Real servers for the tests: PostgreSQL 16 and 18 with pgvector, and for each test a database of its own."""

from __future__ import annotations

import os
import shutil
import signal
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import psycopg
import pytest
from pytest_postgresql.janitor import DatabaseJanitor

from sluicegate.pg.embedded import EmbeddedServer, temporary_server

TEMPLATE = "sluicegate_template"

# No example is timed, since machines differ, and none is stored: the checkout may belong to another account.
hypothesis.settings.register_profile("suite", deadline=None, database=None)
hypothesis.settings.load_profile("suite")

# A shell lets what it runs in the background ignore SIGINT, and the programs that tests stop would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
# `timeout` and a stopped job in CI end the tests so: their servers end with them, as after Ctrl-C.
signal.signal(signal.SIGTERM, signal.default_int_handler)


MEMORY = Path("/dev/shm")


def _in_memory() -> Path | None:
    """Return a folder in memory that has the room: databases are cloned several times faster there than on a disk."""
    if not os.access(MEMORY, os.W_OK | os.X_OK) or shutil.disk_usage(MEMORY).free < 3 << 30:
        return None
    return MEMORY


def _server(version: int) -> Iterator[EmbeddedServer]:
    with temporary_server(version, settings={"max_wal_size": "128MB"}, folder=_in_memory()) as server:
        with psycopg.connect(server.url(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {TEMPLATE} IS_TEMPLATE true")
        with psycopg.connect(server.url(TEMPLATE), autocommit=True) as connection:
            connection.execute("CREATE EXTENSION vector")
        yield server


@pytest.fixture(scope="session")
def server16() -> Iterator[EmbeddedServer]:
    """PostgreSQL 16, one for each test process."""
    yield from _server(16)


@pytest.fixture(scope="session")
def server18() -> Iterator[EmbeddedServer]:
    """PostgreSQL 18, one for each test process."""
    yield from _server(18)


@pytest.fixture(params=[16, 18], ids=["pg16", "pg18"])
def server(request: pytest.FixtureRequest) -> EmbeddedServer:
    """Both servers, one after the other."""
    return request.getfixturevalue(f"server{request.param}")


@pytest.fixture
def make_database() -> Iterator[Callable[..., str]]:
    """Clone databases on a server; each is dropped after the test. Returns the clone's URL."""
    janitors: list[DatabaseJanitor] = []

    def make(server: EmbeddedServer, template: str = TEMPLATE) -> str:
        name = f"test_{os.getpid()}_{uuid.uuid4().hex[:12]}"
        janitor = DatabaseJanitor(
            user="postgres", host=str(server.socket), port=server.port, dbname=name, template_dbname=template
        )
        janitor.init()
        janitors.append(janitor)
        return server.url(name)

    yield make
    for janitor in janitors:
        janitor.drop()


@pytest.fixture
def database(server: EmbeddedServer, make_database: Callable[..., str]) -> str:
    """The URL of an empty database with pgvector, on both versions."""
    return make_database(server)


@pytest.fixture
def database18(server18: EmbeddedServer, make_database: Callable[..., str]) -> str:
    """The URL of an empty database with pgvector on PostgreSQL 18."""
    return make_database(server18)


@pytest.fixture
def database16(server16: EmbeddedServer, make_database: Callable[..., str]) -> str:
    """The URL of an empty database with pgvector on PostgreSQL 16."""
    return make_database(server16)
