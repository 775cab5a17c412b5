"""How a column's values are stored and compressed from now on; rows that are there stay as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.type_facts import type_facts
from sluicegate.catalog.types import base_type, display
from sluicegate.effects.alter_actions import definition
from sluicegate.statements.nodes import string

if TYPE_CHECKING:
    from collections.abc import Callable

    from sluicegate.catalog.model import Column
    from sluicegate.effects.alteration import Alteration, Command


def run_storage(alteration: Alteration, command: Command) -> None:
    """Run SET STORAGE; only values written later are stored so."""
    column = alteration.column(command.table, command.node.name)
    check_storage(alteration, column, string(definition(command.node)))
    alteration.run_below(command)


def check_storage(alteration: Alteration, column: Column, wanted: str) -> None:
    """Refuse a storage that does not exist or that a type of fixed length cannot have."""
    if wanted.lower() not in {"plain", "external", "extended", "main", "default"}:
        alteration.refuse("22023", f'invalid storage type "{wanted}"')
    facts = type_facts(column.type, alteration.draft.catalog)
    if facts.known and facts.storage == "p" and wanted.lower() not in {"plain", "default"}:
        shown = display(base_type(column.type, alteration.draft.catalog))
        alteration.refuse("0A000", f"column data type {shown} can only have storage PLAIN")


def run_compression(alteration: Alteration, command: Command) -> None:
    """Run SET COMPRESSION; only values written later are compressed so."""
    column = alteration.column(command.table, command.node.name)
    check_compression(alteration, column, string(definition(command.node)))
    alteration.apply(command.table, command.node, recurse=False)


def check_compression(alteration: Alteration, column: Column, wanted: str) -> None:
    """Refuse a compression method that does not exist, and one for a type that is never compressed."""
    if wanted == "default":
        return
    facts = type_facts(column.type, alteration.draft.catalog)
    if facts.known and facts.storage == "p":
        shown = display(base_type(column.type, alteration.draft.catalog))
        alteration.refuse("0A000", f"column data type {shown} does not support compression")
    if wanted not in {"pglz", "lz4"}:
        alteration.refuse("22023", f'invalid compression method "{wanted}"')
    if wanted == "lz4":
        alteration.builder.unknown("whether the server was built with LZ4")


EXECUTE: dict[int, Callable[[Alteration, Command], None]] = {
    pg.AT_SetStorage: run_storage,
    pg.AT_SetCompression: run_compression,
}
"""Action → what runs it."""
