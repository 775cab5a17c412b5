"""Take the author's SQL into a statement: unchanged, marked off, with pieces put in where it names the chunk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg import sql

if TYPE_CHECKING:
    from collections.abc import Sequence


def trusted(text: str) -> sql.SQL:
    """Take the author's SQL, or a type's name, as it is; a lone % would be the start of a parameter to psycopg."""
    return sql.SQL(text.replace("%", "%%"))


def spliced(text: str, places: Sequence[tuple[int, int, sql.Composable]]) -> sql.Composed:
    """Return the author's text with pieces of SQL in place of some of its characters, given as (from, to, piece)."""
    pieces: list[sql.Composable] = []
    start = 0
    for begin, end, piece in sorted(places, key=lambda place: place[:2]):
        pieces += [trusted(text[start:begin]), piece]
        start = end
    return sql.Composed([*pieces, trusted(text[start:])])


def fragment(text: str) -> sql.Composed:
    """Take a condition or expression of the author's; a comment at its end ends with its line."""
    return sql.Composed([sql.SQL("\n"), trusted(text), sql.SQL("\n")])
