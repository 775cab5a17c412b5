"""The snapshot that lies beside the policy: found, read, written and dated."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sluicegate.errors import UsageError
from sluicegate.snapshot.facts import read_facts, write_facts

if TYPE_CHECKING:
    from datetime import date

    from sluicegate.settings.policy import Policy
    from sluicegate.snapshot.facts import Facts

FOLDER = "snapshot"
"""Where a snapshot lies, beside the policy file."""

SCHEMA, FACTS = "schema.sql", "facts.json"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A snapshot on disk."""

    folder: Path
    schema: str
    facts: Facts

    def remarks(self, policy: Policy, today: date | None) -> tuple[str, ...]:
        """Return what a reader of a report should know of it: that it is old, or of another version."""
        found = []
        days = (today - self.facts.taken_at.date()).days if today else 0
        if days > policy.max_age_days:
            found.append(
                f"The snapshot in {_shown(self.folder)} is {days} days old (more than {policy.max_age_days}): schema "
                "and sizes may have changed. Take it again with: sluicegate snapshot take"
            )
        if self.facts.postgresql != policy.postgresql:
            found.append(
                f"The snapshot in {_shown(self.folder)} comes from PostgreSQL {self.facts.server_version}; revisions "
                f"are judged for {policy.postgresql}. Set [server] postgresql in {policy.path} to what production runs."
            )
        return tuple(found)


def snapshot_folder(policy: Policy) -> Path:
    """Return where a policy's snapshot lies."""
    return (policy.path.resolve().parent if policy.path else Path.cwd() / "safety") / FOLDER


def find_snapshot(policy: Policy) -> Snapshot | None:
    """Return the snapshot beside a policy file, or None where there is none.

    Raises:
        UsageError: one of its two files is missing, or cannot be read.
    """
    folder = snapshot_folder(policy)
    present = [name for name in (SCHEMA, FACTS) if (folder / name).is_file()]
    if policy.path is None or not present:
        return None
    if len(present) == 1:
        missing = ({SCHEMA, FACTS} - {*present}).pop()
        raise UsageError(
            f"The snapshot in {_shown(folder)} has {present[0]} and no {missing}.",
            hint="Take it again with: sluicegate snapshot take",
        )
    texts = {}
    for name in present:
        try:
            texts[name] = (folder / name).read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{_shown(folder / name)} cannot be read: {error}.") from error
    return Snapshot(folder, texts[SCHEMA], read_facts(texts[FACTS], str(_shown(folder / FACTS))))


def store_snapshot(folder: Path, schema: str, facts: Facts) -> tuple[Path, ...]:
    """Write a snapshot's two files, each at once, so that nobody reads half of one; return their paths.

    Raises:
        UsageError: the folder cannot be written.
    """
    files = {folder / SCHEMA: schema, folder / FACTS: write_facts(facts)}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in files.items():
            _replace(path, text)
    except OSError as error:
        raise UsageError(f"{_shown(folder)} cannot be written: {error.strerror}.") from error
    return tuple(files)


def _replace(path: Path, text: str) -> None:
    import tempfile  # only who writes a snapshot needs it

    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise


def _shown(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
