"""What a dry run is asked for, and where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import psycopg
    from psycopg.rows import TupleRow

    from sluicegate.catalog.model import Catalog
    from sluicegate.dryrun.scripts import Scripts
    from sluicegate.dryrun.upgrade import Environment

    LoadCatalog = Callable[[psycopg.Connection[TupleRow]], Catalog]
    Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Server:
    """Where clones are made.

    Attributes:
        url: a database of the server.
        version: its major version.
        ours: whether the server itself goes away afterwards.
        described: what the report calls it.
    """

    url: str
    version: int
    ours: bool
    described: str


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be tried.

    Attributes:
        scripts: the revisions.
        environment: what env.py would say.
        at: the revisions that the database already has.
        asked: ids or ranges; everything pending if empty.
        load_catalog: reads the catalog that predictions start from; None to observe only.
        progress: called with each revision as it starts.
    """

    scripts: Scripts
    environment: Environment
    at: tuple[str, ...]
    asked: tuple[str, ...]
    load_catalog: LoadCatalog | None = None
    progress: Progress = lambda _: None
