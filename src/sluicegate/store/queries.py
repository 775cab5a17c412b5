"""Every statement on our tables, by name, from the SQL files beside this module."""

from __future__ import annotations

import functools
import re
from importlib import resources
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

FILES = ("backfill.sql", "completeness.sql", "health.sql", "ledger.sql", "preflight.sql", "trial.sql")

_HEAD = re.compile(r"^-- name: (?P<name>\w+)\n(?P<comment>(?:-- .+\n)+)", re.MULTILINE)


def text_of(file: str) -> str:
    """Return an SQL file's text."""
    return (resources.files("sluicegate.store") / "sql" / file).read_text(encoding="utf-8")


def named(file: str) -> dict[str, str]:
    """Return the statements of an SQL file by their names, without the final semicolon."""
    text = text_of(file)
    heads = list(_HEAD.finditer(text))
    return {
        head["name"]: text[head.end() : following.start() if following else len(text)].strip().removesuffix(";")
        for head, following in zip(heads, [*heads[1:], None], strict=True)
    }


@functools.cache
def statements() -> Mapping[str, bytes]:
    """Return every statement by name; parameters are psycopg's ``%(name)s``, which it reads once for equal bytes."""
    return {name: text.encode() for file in FILES for name, text in named(file).items()}


def statement(name: str) -> bytes:
    """Return one statement by its name."""
    return statements()[name]
