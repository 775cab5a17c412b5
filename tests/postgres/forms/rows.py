"""Rows of the data files: a statement form with what servers did, and how a prediction is compared with it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sluicegate.effects.model import Effects

FIELDS = ("rewrites", "scans", "index_builds")


@dataclass(frozen=True)
class Outcome:
    """What a server did with a form: the five things that are compared."""

    locks: tuple[tuple[str, str], ...] = ()
    rewrites: tuple[str, ...] = ()
    scans: tuple[str, ...] = ()
    index_builds: tuple[str, ...] = ()
    in_transaction: str = "allowed"
    error: str | None = None

    @classmethod
    def of(cls, effects: Effects) -> Outcome:
        """Return the outcome that effects amount to."""
        return cls(
            locks=tuple(sorted((name, mode.name) for name, mode in effects.locks.items())),
            rewrites=tuple(sorted(effects.rewrites)),
            scans=tuple(sorted(effects.scans)),
            index_builds=tuple(sorted(effects.index_builds)),
            in_transaction=effects.in_transaction.value,
            error=effects.error.sqlstate if effects.error is not None else None,
        )

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> Outcome:
        """Read an outcome from a row of a data file."""
        error = row.get("error")
        return cls(
            locks=tuple(sorted(row.get("locks", {}).items())),
            rewrites=tuple(sorted(row.get("rewrites", ()))),
            scans=tuple(sorted(row.get("scans", ()))),
            index_builds=tuple(sorted(row.get("index_builds", ()))),
            in_transaction=row.get("in_transaction", "allowed"),
            error=error["sqlstate"] if isinstance(error, dict) else error,
        )

    def as_json(self) -> dict[str, Any]:
        """Return the outcome with what is empty left out."""
        found: dict[str, Any] = {"locks": dict(self.locks)} if self.locks else {}
        for name in FIELDS:
            if getattr(self, name):
                found[name] = list(getattr(self, name))
        if self.in_transaction != "allowed":
            found["in_transaction"] = self.in_transaction
        if self.error is not None:
            found["error"] = self.error
        return found

    def __str__(self) -> str:
        return json.dumps(self.as_json())


@dataclass(frozen=True)
class Form:
    """A statement form on one server version.

    Attributes:
        category: its family.
        version: the server's major version.
        sql: the statement, or several that are taken as one.
        setup: statements that were committed before.
        outcome: what the server did, tables holding rows.
        others: what it did when the tables held other rows.
        gap: why no prediction from a schema can agree, or does not yet; empty for all others.
    """

    category: str
    version: int
    sql: str
    setup: str
    outcome: Outcome
    others: tuple[Outcome, ...] = field(default=())
    gap: str = ""


def read_forms(path: Path) -> Iterator[Form]:
    """Read a data file; a row without ``pg`` holds for both versions."""
    for line in path.read_text().splitlines():
        row = json.loads(line)
        versions = row["pg"] if isinstance(row.get("pg"), list) else [row["pg"]] if "pg" in row else [16, 18]
        others = tuple(Outcome.from_json(other) for other in row.get("other_outcomes", ()))
        for version in versions:
            yield Form(
                category=row["category"],
                version=version,
                sql=row["sql"],
                setup=row.get("setup", ""),
                outcome=Outcome.from_json(row),
                others=others,
                gap=row.get("gap", ""),
            )


def write_forms(path: Path, forms: Iterable[Form]) -> None:
    """Write a data file: one row for both versions where they did the same."""
    rows: dict[tuple[str, str, str], dict[str, list[int]]] = {}
    for form in forms:
        result = form.outcome.as_json()
        if form.others:
            result["other_outcomes"] = [other.as_json() for other in form.others]
        if form.gap:
            result["gap"] = form.gap
        text = json.dumps(result)
        rows.setdefault((form.category, form.setup, form.sql), {}).setdefault(text, []).append(form.version)
    lines = []
    for (category, setup, statement), results in rows.items():
        for text, versions in results.items():
            row: dict[str, Any] = {"category": category}
            if versions != [16, 18]:
                row["pg"] = versions[0]
            row["sql"] = statement
            if setup:
                row["setup"] = setup
            lines.append(json.dumps({**row, **json.loads(text)}))
    path.write_text("".join(f"{line}\n" for line in lines))
