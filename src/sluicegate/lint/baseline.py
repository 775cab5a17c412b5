"""The findings that a team has accepted as they are, so that a legacy history fails only on what is new."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sluicegate.errors import UsageError
from sluicegate.findings import Direction

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from sluicegate.findings import Finding

_VERSION = 1
_KEYS = ("fingerprint", "rule", "revision", "file", "statement")
_SHOWN = 120  # characters of a statement, for the people who read the file's diff


@dataclass(frozen=True, slots=True)
class Known:
    """A finding of the baseline.

    Attributes:
        fingerprint: what it is known by.
        rule: the rule that found it.
        revision: the revision it is in; None for an SQL file.
        file: the file it was in when the baseline was written.
        statement: the beginning of the statement.
        direction: whether it is in ``upgrade()`` or ``downgrade()``.
    """

    fingerprint: str
    rule: str
    revision: str | None
    file: str
    statement: str = ""
    direction: Direction = Direction.UPGRADE


@dataclass(frozen=True, slots=True)
class Baseline:
    """The accepted findings, by fingerprint; ``path`` is None where there is no file."""

    path: Path | None = None
    known: Mapping[str, Known] = field(default_factory=dict)


def load_baseline(path: Path) -> Baseline:
    """Read a baseline file.

    Raises:
        UsageError: it cannot be read, is no baseline, or is one of a later version.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(
            f"There is no baseline at {path}.", hint="Write one with: sluicegate lint --write-baseline"
        ) from None
    except (OSError, ValueError) as error:
        raise UsageError(
            f"The baseline {path} cannot be read: {error}.",
            hint="After a merge conflict, write it anew: sluicegate lint --write-baseline",
        ) from error
    if not isinstance(content, dict) or content.get("version") != _VERSION or not _is_list(content.get("findings")):
        raise UsageError(
            f"{path} is no baseline of version {_VERSION}.", hint="Write it anew: sluicegate lint --write-baseline"
        )
    found = [
        Known(
            *(e["fingerprint"], e["rule"], e.get("revision"), e["file"], e.get("statement") or ""),
            Direction.DOWNGRADE if e.get("direction") == Direction.DOWNGRADE else Direction.UPGRADE,
        )
        for e in content["findings"]
    ]
    return Baseline(path, {one.fingerprint: one for one in found})


def _is_list(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(entry, dict) and all(isinstance(entry.get(key), str) for key in ("fingerprint", "rule", "file"))
        for entry in value
    )


def baseline_text(known: Iterable[Known]) -> str:
    """Return the text of a baseline file: a line for each finding in a fixed order, so that merges stay small."""
    ordered = sorted(known, key=lambda one: (one.file, one.rule, one.fingerprint))
    lines = [json.dumps(_entry(one), ensure_ascii=False) for one in ordered]
    rows = "".join(f"\n    {line}," for line in lines).rstrip(",")
    return f'{{\n  "version": {_VERSION},\n  "findings": [{rows}{chr(10) + "  " if rows else ""}]\n}}\n'


def _entry(one: Known) -> dict[str, object]:
    down = {"direction": one.direction.value} if one.direction is Direction.DOWNGRADE else {}
    return {key: getattr(one, key) for key in _KEYS} | down


def write_baseline(path: Path, findings: Iterable[Finding], kept: Iterable[Known] = ()) -> None:
    """Accept findings as they are.

    Args:
        path: the file to write.
        findings: what is accepted.
        kept: entries of an earlier baseline about what was not judged this time.

    Raises:
        UsageError: the file cannot be written.
    """
    entries = {one.fingerprint: one for one in kept} | {f.fingerprint: known_as(f) for f in findings}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(baseline_text(entries.values()), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"The baseline {path} cannot be written: {error.strerror}.") from error


def known_as(finding: Finding) -> Known:
    """Return a finding as a baseline holds it."""
    statement = " ".join(finding.sql.split())
    shown = statement if len(statement) <= _SHOWN else statement[: _SHOWN - 1] + "…"
    return Known(finding.fingerprint, finding.rule, finding.revision, finding.location.file, shown, finding.direction)
