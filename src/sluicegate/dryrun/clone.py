"""Databases that live for one run: made from a template in a fraction of a second, and dropped whatever happens."""

from __future__ import annotations

import contextlib
import os
import uuid
from typing import TYPE_CHECKING

from psycopg import sql

from sluicegate.pg.connect import connect, translated, with_database

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def clone(server_url: str, template: str | None = None) -> Iterator[str]:
    """Create a database, hand out its URL, and drop it at the end together with its sessions.

    Args:
        server_url: any database of the server, for a user who may create databases; never ``template`` itself.
        template: the database to copy; an empty one without any local additions (``template0``) if left out.

    Raises:
        ServerError: the database cannot be created; a template that somebody uses is waited for five seconds.
    """
    name = f"sluicegate_{os.getpid()}_{uuid.uuid4().hex[:10]}"
    with contextlib.ExitStack() as stack:
        # Registered before the database exists: a Ctrl-C during its creation must not leave it behind.
        stack.callback(_drop, server_url, name)
        _create(server_url, name, template)
        yield with_database(server_url, name)


def _create(server_url: str, name: str, template: str | None) -> None:
    statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
        sql.Identifier(name), sql.Identifier(template or "template0")
    )
    # The server itself waits five seconds for the template's last sessions to end.
    with connect(server_url) as connection, translated(f"creating the scratch database {name}"):
        connection.execute(statement)


def _drop(server_url: str, name: str) -> None:
    with connect(server_url) as connection, translated(f"dropping the scratch database {name}"):
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
