"""Write a new backfill into a user's repository: definition, expand revision, contract revision, test."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sluicegate.backfill import loader
from sluicegate.backfill.definition import DefinitionError, TableName
from sluicegate.errors import ParseError, UsageError
from sluicegate.rollout import base_table, history, scaffold
from sluicegate.rollout.installation import installed
from sluicegate.rollout.rehearsal import rehearse
from sluicegate.settings.policy import find_policy, load_policy
from sluicegate.statements.parse import parse_statement

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from alembic.script import ScriptDirectory

    from sluicegate.rollout.base_table import BaseTable
    from sluicegate.settings.policy import Policy

_SLUG = re.compile(r"[a-z][a-z0-9_]{0,40}")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a user asks for; names are as in ``scaffold.Plan``.

    Attributes:
        name: what the backfill is called.
        table: ``schema.table``.
        key: the key's columns.
        into: the table beside it; None for a column of the table itself.
        sidecar: the table of states; None to track by a high watermark.
        source: what makes a row stale when it changes; None for the value.
        trigger: whether triggers write new and changed rows; None where the policy decides.
        heads: the heads to build on, where there are several.
        tests: the folder of tests, relative to the repository.
    """

    name: str
    table: str
    key: tuple[str, ...]
    column: str
    type: str
    value: str
    where: str = "true"
    into: str | None = None
    sidecar: str | None = None
    source: str | None = None
    trigger: bool | None = None
    heads: tuple[str, ...] = ()
    tests: str = "tests"


@dataclass(frozen=True, slots=True)
class Created:
    """What was written.

    Attributes:
        files: the files, in the order in which a reviewer would read them.
        name: the backfill's name.
        expand: the expand revision's id.
        contract: the contract revision's id.
        to_fill_in: columns of the test's rows for whose type no value is known.
        trigger: whether triggers write new and changed rows.
    """

    files: tuple[Path, ...]
    name: str
    expand: str
    contract: str
    to_fill_in: tuple[str, ...]
    trigger: bool


def create(root: Path, wanted: Wanted, *, config: Path | None = None) -> Created:
    """Write a backfill's files; nothing that is there is changed.

    Args:
        root: the repository: where alembic.ini or pyproject.toml is.
        wanted: what is asked for.
        config: another configuration file of Alembic's.

    Raises:
        UsageError: a name makes no sense, the table is not as it must be, the policy forbids it, or a file is there.
        CouldNotJudgeError: the revisions that are there do not run.
    """
    root = root.resolve()
    _check(wanted)
    policy = load_policy(find_policy(root))
    base_name = _name(wanted.table, "--table")
    trigger = _allowed(wanted, base_name, policy)
    with contextlib.chdir(root):
        script = history.script_directory(root, config)
        if installed(script) is None:
            raise UsageError(
                "No revision creates the schema in which backfills keep their progress.",
                hint="Write it first: sluicegate init.",
            )
        on = history.heads(script, wanted.heads)
        base = _base(root, config, base_name, wanted, on)
        plan = _plan(root, script, wanted, base, on, trigger=trigger)
        return _write(root, script, wanted, plan, on)


def _check(wanted: Wanted) -> None:
    if _SLUG.fullmatch(wanted.name) is None:
        raise UsageError(
            f"{wanted.name!r} cannot name a backfill.",
            hint="Take lower-case letters, digits and _, at most 41, beginning with a letter: event_status.",
        )
    for option, text in (("--value", wanted.value), ("--where", wanted.where), ("--source", wanted.source)):
        if text is not None:
            _parse(option, f"SELECT (\n{text}\n)")
    _parse("--type", f"SELECT NULL::{wanted.type}")


def _parse(option: str, text: str) -> None:
    try:
        parse_statement(text)
    except ParseError as error:
        raise UsageError(
            f"{option} is not SQL: {error.message}", hint='Write an expression over row, such as "length(row.body)".'
        ) from error


def _name(text: str, option: str) -> TableName:
    try:
        return TableName.read(text, option)
    except DefinitionError as error:
        raise UsageError(error.message, hint=error.hint) from error


def _allowed(wanted: Wanted, base: TableName, policy: Policy) -> bool:
    """Say whether triggers are created, and refuse what an append-only table must not get."""
    append_only = str(base) in policy.append_only
    if wanted.sidecar is not None and wanted.into is None:
        raise UsageError(
            "A sidecar keeps states beside the table, so the value must not change the table either.",
            hint="Name the table that takes it: --into schema.table.",
        )
    if append_only and wanted.into is None:
        raise UsageError(
            f"{policy.path} declares {base} append-only, and a column of it would be written into rows that are there.",
            hint="Name a table beside it with --into schema.table.",
        )
    if append_only and wanted.trigger:
        raise UsageError(
            f"{policy.path} declares {base} append-only: no trigger is put on it.",
            hint=f"Leave --trigger out; later rows are found by: sluicegate backfill tick {wanted.name}",
        )
    return not append_only if wanted.trigger is None else wanted.trigger


def _base(root: Path, config: Path | None, table: TableName, wanted: Wanted, on: Sequence[str]) -> BaseTable:
    """Run the revisions on a database of our own, and look at the table there."""
    with rehearse(root, config=config) as database:
        for head in on:
            database.upgrade(head)
        base = base_table.read(database.url, table, wanted.key)
        base_table.try_out(
            database.url,
            base,
            into=_name(wanted.into, "--into") if wanted.into else None,
            kind=wanted.type,
            value=wanted.value,
            where=wanted.where,
            source=wanted.source,
        )
        return base


def _plan(
    root: Path, script: ScriptDirectory, wanted: Wanted, base: BaseTable, on: Sequence[str], *, trigger: bool
) -> scaffold.Plan:
    expand = history.next_id(script.get_heads())
    contract = history.next_id((expand,))
    number = expand.zfill(4) if expand.isdigit() else _free_number(root / "backfills")
    if len(on) > 1:
        raise UsageError("A backfill's expand revision comes after one head.", hint="Merge the heads first.")
    return scaffold.Plan(
        slug=wanted.name,
        number=number,
        revision=expand,
        contract=contract,
        before=on[0],
        base=base,
        key=base.key(wanted.key),
        where=wanted.where,
        value=wanted.value,
        column=wanted.column,
        type=wanted.type,
        into=_name(wanted.into, "--into") if wanted.into else None,
        sidecar=_name(wanted.sidecar, "--sidecar") if wanted.sidecar else None,
        source=wanted.source or wanted.value,
        trigger=trigger,
    )


def _free_number(folder: Path) -> str:
    found = [int(path.name.split("_")[0]) for path in loader.find(folder)] if folder.is_dir() else []
    return str(max(found, default=0) + 1).zfill(4)


def _write(root: Path, script: ScriptDirectory, wanted: Wanted, plan: scaffold.Plan, on: Sequence[str]) -> Created:
    definition = root / "backfills" / f"{plan.name}.py"
    tests = root / wanted.tests
    test = tests / f"test_backfill_{plan.name}.py"
    for path in (definition, test):
        if path.exists():
            raise UsageError(f"{path} is there already.", hint="Choose another name; nothing was written.")
    if not test.resolve().is_relative_to(root):
        raise UsageError(f"--tests {wanted.tests} lies outside {root}.", hint="Name a folder of the repository.")
    depth = len(test.relative_to(root).parts)
    up = f"parents[{depth - 1}]"
    texts = {definition: scaffold.definition(plan), test: scaffold.test(plan, up)}
    written: list[Path] = []
    revisions: list[Path] = []
    try:
        # The revisions come last: a write hook of the repository may judge them, and looks for the definition.
        for path, text in texts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as file:
                written.append(path)
                file.write(text)
        for phase, identifier, before, lines, mark in (
            ("expand", plan.revision, on, scaffold.expand(plan), "op.execute("),
            ("contract", plan.contract, (plan.revision,), scaffold.contract(plan), "op.require_backfill("),
        ):
            upgrades, downgrades = map(scaffold.body, lines)
            message = f"{phase} {wanted.name}"
            bodies = {"upgrades": upgrades, "downgrades": downgrades}
            revisions.append(history.write(script, identifier, message, before, **bodies, mark=mark))
    except BaseException:
        for path in (*written, *revisions):
            path.unlink(missing_ok=True)
        raise
    expand, contract = revisions
    return Created(
        (expand, definition, contract, test), plan.name, plan.revision, plan.contract, plan.base.unknown, plan.trigger
    )
