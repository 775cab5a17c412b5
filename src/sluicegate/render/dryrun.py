"""A dry run for people and for machines: what each line did to the server, and whether we had foretold it."""

from __future__ import annotations

import io
import json
import textwrap
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from sluicegate.dryrun.observation import Method
from sluicegate.dryrun.report import Outcome
from sluicegate.findings import Evidence
from sluicegate.render.effects import waiting, words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sluicegate.dryrun.report import DryRun, RevisionRun, StatementRun
    from sluicegate.effects.model import LockMode

WIDTH = 120
"""Columns when the output is no terminal."""

_VERDICTS = {
    Evidence.CONFIRMED: ("as predicted", "green"),
    Evidence.CONTRADICTED: ("NOT AS PREDICTED", "bold red"),
    Evidence.OBSERVED_ONLY: ("observed only", "yellow"),
    Evidence.PREDICTED: ("predicted only", "yellow"),
    Evidence.OBSERVED: ("observed", "yellow"),
}
_OUTCOMES = {
    Outcome.REFUSED: "the server refused it",
    Outcome.GATE_CLOSED: "its gate is closed",
    Outcome.BROKEN: "it could not be run to its end",
    Outcome.SKIPPED: "not run",
}


def render_text(run: DryRun, *, width: int = WIDTH, color: bool = False) -> str:
    """Return the dry run as text that ends with a newline.

    Args:
        run: the dry run.
        width: columns of the output.
        color: whether to use a terminal's colours.
    """
    output = io.StringIO()
    console = Console(
        file=output, width=width, force_terminal=color, color_system="standard" if color else None, highlight=False
    )
    console.print(Text(f"Dry run in {run.where}."), soft_wrap=True)
    for note in run.notes:
        console.print(Text(f"  {note}"), soft_wrap=True)
    for revision in run.revisions:
        console.print()
        _print_revision(console, revision)
    console.print()
    for line in _contradictions(run):
        console.print(Text(line, "red" if line.startswith("Our") else ""), soft_wrap=True)
    for line in (*_proof(run), _summary(run)):
        console.print(Text(line), soft_wrap=True)
    return "\n".join(line.rstrip() for line in output.getvalue().splitlines()) + "\n"


def _print_revision(console: Console, revision: RevisionRun) -> None:
    title = f": {revision.title}" if revision.title else ""
    console.print(Text.assemble((f"Revision {revision.revision}", "bold"), title), soft_wrap=True)
    console.print(Text(revision.file, "bright_black"), soft_wrap=True)
    if revision.statements:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
        table.add_column("line", justify="right", no_wrap=True)
        table.add_column("statement", ratio=5, overflow="fold")
        table.add_column("what it did", ratio=7, overflow="fold")
        table.add_column("time", justify="right", no_wrap=True, min_width=10)
        table.add_column("verdict", no_wrap=True, min_width=16)
        for statement in revision.statements:
            verdict, style = _VERDICTS[statement.comparison.evidence]
            table.add_row(
                _line(statement),
                Text(_shortened(statement.sql)),
                Text("\n".join(_did(statement))),
                f"{statement.observation.seconds * 1000:.1f} ms",
                Text("" if statement.plain else verdict, style),
            )
        console.print(table)
    elif revision.outcome is Outcome.RAN:
        console.print("  it sends no statement")
    if revision.outcome is not Outcome.RAN:
        place = revision.problem_location
        where = f" at {place.file}:{place.line}" if place else ""
        problem = f": {revision.problem}" if revision.problem else ""
        for line in textwrap.wrap(f"{_OUTCOMES[revision.outcome]}{where}{problem}", console.width - 4):
            console.print(Text(f"  {line}", "bold red"), soft_wrap=True)


def _line(statement: StatementRun) -> str:
    """Return the line of ``upgrade()``, and the helper's own where there is one."""
    outer, inner = statement.upgrade_location.line, statement.location.line
    return str(inner) if outer == inner else f"{outer} → {inner}"


def _shortened(sql: str) -> str:
    return textwrap.shorten(" ".join(sql.split()), 120, placeholder=" …")


def _did(statement: StatementRun) -> Iterator[str]:
    observation = statement.observation
    effects = observation.effects
    if statement.note:
        yield statement.note
    if effects.error is not None:
        yield f"refused: {effects.error.message} (SQLSTATE {effects.error.sqlstate})"
    predicted = statement.prediction.locks if statement.prediction is not None else {}
    if observation.method is Method.STRIPPED:
        for name, mode in _strongest_first(predicted):
            yield f"as written it takes {words(mode)} on {name}: {waiting(mode)}"
        return
    for name, mode in _strongest_first(effects.locks):
        yield f"{words(mode)} on {name}: {waiting(mode)}"
    for name, mode in _strongest_first(predicted):
        if mode in observation.held.get(name, ()) and effects.locks.get(name, 0) < mode:
            yield f"{words(mode)} on {name}: held since an earlier statement"
    for name in sorted(effects.rewrites):
        reason = effects.reasons.get(name)
        yield f"rewrites {name}{f': {reason}' if reason else ''}"
    for name in sorted(effects.scans - effects.rewrites):
        yield f"reads all of {name}"
    for name in sorted(effects.index_builds):
        yield f"builds {'every index' if name in effects.rewrites else 'an index'} of {name}"
    for name in observation.invalid_indexes:
        yield f"leaves index {name} invalid"
    if observation.method is Method.BLOCKED:
        yield "runs outside a transaction block"
    if not statement.plain:
        yield from (f"not compared: {note}" for note in statement.comparison.notes)


def _strongest_first(locks: Mapping[str, LockMode]) -> list[tuple[str, LockMode]]:
    return sorted(locks.items(), key=lambda item: (-item[1], item[0]))


def _contradictions(run: DryRun) -> Iterator[str]:
    for statement in run.statements():
        if statement.comparison.evidence is not Evidence.CONTRADICTED:
            continue
        yield (
            f"Our prediction was wrong at {statement.location.file}:{statement.location.line}. Please report it with "
            "the statement and these lines:"
        )
        yield f"  PostgreSQL {run.version}: {_shortened(statement.sql)}"
        yield from (f"  {difference}" for difference in statement.comparison.differences)
        yield ""


def _proof(run: DryRun) -> Iterator[str]:
    proof = run.proof
    if proof is None:
        return
    position = ", ".join(proof.position) or "empty"
    if proof.unchanged:
        yield (
            f"Nothing changed: {proof.catalogs} system catalogs have the same fingerprint as before, and "
            f"alembic_version is still {position}."
        )
    else:
        changed = [*proof.changed, *(["alembic_version"] if proof.moved else [])]
        yield (
            f"SOMETHING CHANGED while the transaction was open: {', '.join(changed)}. The transaction was rolled "
            "back, so look for another session that changed the schema."
        )
    moved = ", ".join(proof.sequences)
    yield (
        f"Sequences never roll back; these went on, by this run or by another session: {moved}."
        if moved
        else "No sequence went on."
    )
    yield "What a statement did outside the database (files, other servers, programs) is not rolled back either."


def _summary(run: DryRun) -> str:
    statements = [statement for statement in run.statements() if not statement.plain]
    if not run.revisions:
        return "No revision was run."
    counts = {evidence: sum(s.comparison.evidence is evidence for s in statements) for evidence in Evidence}
    words_ = [f"{count} {_VERDICTS[evidence][0].lower()}" for evidence, count in counts.items() if count]
    bad = [
        f"{revision.revision} ({revision.outcome})" for revision in run.revisions if revision.outcome is not Outcome.RAN
    ]
    revisions = f"{len(run.revisions)} revision{'s' if len(run.revisions) != 1 else ''}"
    total = f"{len(statements)} statement{'s' if len(statements) != 1 else ''}"
    detail = f": {', '.join(words_)}" if words_ else ""
    return f"{revisions}, {total}{detail}." + (f" Not through: {', '.join(bad)}." if bad else "")


def render_json(run: DryRun) -> str:
    """Return the dry run as one JSON object that ends with a newline; the keys are a contract."""
    document = {
        "version": 1,
        "postgresql": run.version,
        "where": run.where,
        "notes": list(run.notes),
        "revisions": [_revision_json(revision) for revision in run.revisions],
        "proof": None
        if run.proof is None
        else {
            "unchanged": run.proof.unchanged,
            "catalogs": run.proof.catalogs,
            "changed": list(run.proof.changed),
            "alembic_version": list(run.proof.position),
            "alembic_version_moved": run.proof.moved,
            "sequences_moved": list(run.proof.sequences),
        },
        "summary": {
            "revisions": len(run.revisions),
            "statements": len(run.statements()),
            **{evidence.value: run.count(evidence) for evidence in Evidence},
            "exit_code": int(run.exit_code),
        },
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _revision_json(revision: RevisionRun) -> dict[str, object]:
    place = revision.problem_location
    return {
        "revision": revision.revision,
        "title": revision.title,
        "file": revision.file,
        "outcome": revision.outcome.value,
        "problem": revision.problem,
        "problem_file": place.file if place else None,
        "problem_line": place.line if place else None,
        "statements": [_statement_json(statement) for statement in revision.statements],
    }


def _statement_json(statement: StatementRun) -> dict[str, object]:
    observation = statement.observation
    return {
        "file": statement.location.file,
        "line": statement.location.line,
        "column": statement.location.column,
        "end_line": statement.location.end_line,
        "end_column": statement.location.end_column,
        "operation": statement.operation,
        "sql": statement.sql,
        "autocommit": statement.autocommit,
        "note": statement.note,
        "evidence": statement.comparison.evidence.value,
        "differences": [
            {"field": d.field, "subject": d.subject, "predicted": d.predicted, "observed": d.observed}
            for d in statement.comparison.differences
        ],
        "not_compared": list(statement.comparison.notes),
        "observed": {
            **observation.effects.as_json(),
            "method": observation.method.value,
            "held_before": [
                {"relation": name, "modes": [mode.name for mode in sorted(observation.held[name])]}
                for name in sorted(observation.held)
            ],
            "milliseconds": round(observation.seconds * 1000, 3),
            "wal_bytes": observation.wal_bytes,
            "server_says": list(observation.notices),
            "invalid_indexes": list(observation.invalid_indexes),
        },
        "predicted": None if statement.prediction is None else statement.prediction.as_json(),
    }
