"""Findings that somebody answers for until a date: ``safety/waivers.toml``."""

from __future__ import annotations

import datetime as dt
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sluicegate.errors import UsageError
from sluicegate.findings import Location

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from sluicegate.findings import Finding

_TEXTS = ("rule", "revision", "file", "owner", "reason")
_REQUIRED = ("rule", "owner", "reason", "expires")
_EXAMPLE = """\
Write it like this:
  [[waiver]]
  rule = "drop-column"
  revision = "0007"
  owner = "ada@example.org"
  reason = "nothing has read events.kind since release 41"
  expires = 2027-01-31"""


@dataclass(frozen=True, slots=True)
class Waiver:
    """One waiver.

    Attributes:
        rule: the rule whose findings are waived.
        revision: the revision they are in, or None when ``file`` says it.
        file: the SQL file they are in, relative to the project's folder.
        path: that file, resolved.
        owner: who answers for it.
        reason: why it is right for now.
        expires: the last day on which it holds.
        location: where it stands.
    """

    rule: str
    revision: str | None
    file: str | None
    path: Path | None
    owner: str
    reason: str
    expires: dt.date
    location: Location

    @property
    def subject(self) -> str:
        """What it is about, in words."""
        return f"revision {self.revision}" if self.revision else f"{self.file}"

    def covers(self, finding: Finding) -> bool:
        """Tell whether a finding is one of those it is about, on whatever day."""
        if finding.rule != self.rule:
            return False
        if self.revision is not None:
            return finding.revision == self.revision
        return finding.revision is None and Path(finding.location.file).resolve() == self.path


def load_waivers(path: Path, rules: Collection[str], root: Path) -> tuple[Waiver, ...]:
    """Read a file of waivers.

    Args:
        path: the file.
        rules: the names of all rules.
        root: the project's folder, against which the names of files are read.

    Raises:
        UsageError: it cannot be read, or one of them lacks an owner, a reason, a date, or names an unknown rule.
    """
    try:
        text = path.read_text(encoding="utf-8")
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path} is no valid TOML: {error}", hint="Correct the file at that place.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}.") from error
    entries = content.pop("waiver", [])
    if content or not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise UsageError(f"{path} holds something else than [[waiver]] tables.", hint=_EXAMPLE)
    lines = list(_lines(text))
    places = [Location(str(path), line, 1, line, len("[[waiver]]") + 1) for line in lines]
    places += [Location(str(path))] * (len(entries) - len(places))
    return tuple(_read(entry, place, rules, root) for entry, place in zip(entries, places, strict=False))


def _lines(text: str) -> Iterator[int]:
    for number, line in enumerate(text.splitlines(), start=1):
        if "".join(line.split()).startswith("[[waiver]]"):
            yield number


def _read(entry: dict[str, Any], place: Location, rules: Collection[str], root: Path) -> Waiver:
    def refuse(what: str) -> UsageError:
        return UsageError(f"{place.file}, line {place.line}: {what}", hint=_EXAMPLE)

    for key in entry:
        if key not in (*_TEXTS, "expires"):
            raise refuse(f"a waiver has no {key!r}.")
    for key in _REQUIRED:
        if not entry.get(key):
            raise refuse(f"the waiver has no {key}.")
    for key in _TEXTS:
        if not isinstance(entry.get(key, ""), str):
            raise refuse(f"the waiver's {key} is not a text.")
    expires = entry["expires"]
    if isinstance(expires, dt.datetime) or not isinstance(expires, dt.date):
        raise refuse("the waiver's expires is not a date, such as 2027-01-31 without quotes.")
    if entry["rule"] not in rules:
        raise refuse(f"there is no rule {entry['rule']!r}.")
    if bool(entry.get("revision")) == bool(entry.get("file")):
        raise refuse("a waiver is about one revision or one file.")
    file = entry.get("file") or None
    return Waiver(
        entry["rule"],
        entry.get("revision") or None,
        file,
        (root / file).resolve() if file else None,
        entry["owner"],
        entry["reason"],
        expires,
        place,
    )
