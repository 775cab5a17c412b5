"""What the body of a function or DO block does to rows, read token by token: names survive, control flow does not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from postgast import pg_query_pb2 as pg

from sluicegate.errors import ParseError
from sluicegate.statements.tokens import COMMENTS, Token, scan

if TYPE_CHECKING:
    from collections.abc import Sequence

Named = tuple[str | None, str]

_NAMES = frozenset({pg.IDENT})


@dataclass(frozen=True, slots=True)
class Body:
    """What a body does.

    Attributes:
        updates: the tables of its UPDATE and MERGE statements, as (schema or None, name).
        deletes: the tables of its DELETE statements.
        inserts: the tables of its INSERT statements.
        assigns: the columns of NEW that it sets.
        dynamic: whether it runs SQL that it builds itself, which may do anything.
    """

    updates: tuple[Named, ...] = ()
    deletes: tuple[Named, ...] = ()
    inserts: tuple[Named, ...] = ()
    assigns: frozenset[str] = frozenset()
    dynamic: bool = False


def read_body(text: str) -> Body | None:
    """Read a PL/pgSQL or SQL body; None when it cannot be split into tokens."""
    try:
        tokens = [token for token in scan(text) if token.kind not in COMMENTS]
    except ParseError:
        return None
    found: dict[str, list[Named]] = {"update": [], "delete": [], "insert": []}
    assigns, dynamic = set(), False
    words = [text[token.start : token.end].lower() for token in tokens]
    for position, word in enumerate(words):
        before = words[position - 1] if position else ""
        following = words[position + 1] if position + 1 < len(words) else ""
        if word == "update" and before not in {"for", "key", "on", "do", "of", "or", "before", "after"}:
            found["update"] += _target(words, tokens, text, position + 1)
        elif word in {"delete", "merge", "insert"} and following in {"from", "into"}:
            verb = "update" if word == "merge" else word
            found[verb] += _target(words, tokens, text, position + 2)
        elif word == "execute" and before not in {"row", "statement"} and following not in {"function", "procedure"}:
            dynamic = True
        elif word == "new" and following == "." and words[position + 3 : position + 4] in ([":="], ["="]):
            # "IF NEW.a = 1" compares; an assignment begins a statement.
            if before in {"", ";", "begin", "then", "else", "loop"}:
                assigns.add(_unquoted(text[tokens[position + 2].start : tokens[position + 2].end]))
        elif word == "into" and following == "new":
            assigns.add("")
    return Body(tuple(found["update"]), tuple(found["delete"]), tuple(found["insert"]), frozenset(assigns), dynamic)


def _target(words: list[str], tokens: Sequence[Token], text: str, position: int) -> list[Named]:
    if words[position : position + 1] == ["only"]:
        position += 1
    if position >= len(tokens) or words[position] == "set":
        return []
    first = _unquoted(text[tokens[position].start : tokens[position].end])
    if words[position + 1 : position + 2] == ["."] and position + 2 < len(tokens):
        return [(first, _unquoted(text[tokens[position + 2].start : tokens[position + 2].end]))]
    return [(None, first)]


def _unquoted(word: str) -> str:
    return word[1:-1].replace('""', '"') if word.startswith('"') else word.lower()
