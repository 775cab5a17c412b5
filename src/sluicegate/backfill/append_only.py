"""Tell whether a backfill changes rows of a table that a team has declared append-only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postgast import pg_query_pb2 as pg

from sluicegate.backfill.definition import CHUNK, Apply, LoadedBackfill
from sluicegate.backfill.implied import CHUNK_NAME
from sluicegate.errors import UsageError
from sluicegate.statements.nodes import walk
from sluicegate.statements.parse import parse_statement

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class AppendOnlyError(UsageError):
    """A backfill changes rows of an append-only table."""


def refuse_changes(loaded: LoadedBackfill, append_only: Iterable[str], origin: str) -> None:
    """Refuse a backfill whose ``apply`` changes or deletes rows of a declared table.

    Args:
        loaded: the backfill.
        append_only: ``schema.table`` names.
        origin: the policy file's path.

    Raises:
        AppendOnlyError: naming the verb, the table and what to do instead.
    """
    for verb, hit in changed_tables(loaded, append_only):
        raise AppendOnlyError(
            f"{loaded.path}: apply does {verb} on {hit}, which {origin} declares append-only.",
            hint="Write to a sidecar table beside it, keyed like it, and leave its rows alone.",
        )


def changed_tables(loaded: LoadedBackfill, append_only: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield the verb and the table of each change that a backfill makes to a declared table."""
    declared = set(append_only)
    for verb, relation in _changes(loaded.definition.apply):
        # A name without schema could mean any of them; a table that must not change is not guessed about.
        hit = next(
            (
                name
                for name in sorted(declared)
                if name == f"{relation.schemaname}.{relation.relname}"
                or (not relation.schemaname and name.rpartition(".")[2] == relation.relname)
            ),
            None,
        )
        if hit is not None:
            yield verb, hit


def _changes(apply: str | Apply) -> Iterator[tuple[str, pg.RangeVar]]:
    if isinstance(apply, Apply):
        if apply.update:
            yield "UPDATE", pg.RangeVar(schemaname=apply.target.schema, relname=apply.target.name)
        return
    for node in walk(parse_statement(apply.replace(CHUNK, CHUNK_NAME)).node):
        if isinstance(node, pg.UpdateStmt):
            yield "UPDATE", node.relation
        elif isinstance(node, pg.DeleteStmt):
            yield "DELETE", node.relation
        elif isinstance(node, pg.MergeStmt):
            yield "MERGE", node.relation
        elif isinstance(node, pg.InsertStmt) and node.on_conflict_clause.action == pg.ONCONFLICT_UPDATE:
            yield "INSERT … ON CONFLICT DO UPDATE", node.relation
