"""Prepare a user's Alembic repository: the revision of the state schema, the backfills' folder, the policy file."""

from __future__ import annotations

import contextlib
import re
import textwrap
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import alembic

from sluicegate.errors import UsageError
from sluicegate.rollout import history
from sluicegate.rollout.write_hook import add_hook, has_section
from sluicegate.settings.keys import KEYS
from sluicegate.settings.operational import ALL
from sluicegate.settings.policy import DEFAULT_PATH
from sluicegate.store.schema import VERSION, install_statements

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alembic.script import Script, ScriptDirectory

_INSTALLED = re.compile(r"CREATE FUNCTION sluicegate\.schema_version\(\)")


@dataclass(frozen=True, slots=True)
class Written:
    """What ``install`` did.

    Attributes:
        created: files that were written.
        kept: files that were there already and stayed as they were.
        revision: the id of the state schema's revision, new or found.
        needs_import: whether this Alembic registers ``op.require_backfill`` only when env.py imports it.
        hooked: Alembic's configuration file, where the write hook was added to it.
        other_hooks: Alembic's configuration file, where it has other write hooks, and ours has to be added by hand.
    """

    created: tuple[Path, ...]
    kept: tuple[Path, ...]
    revision: str
    needs_import: bool
    hooked: Path | None = None
    other_hooks: Path | None = None


def install(folder: Path, *, config: Path | None = None, heads: Sequence[str] = (), hook: bool = True) -> Written:
    """Write what is missing into a repository; of what is there, only Alembic's list of write hooks is changed.

    Args:
        folder: the repository's root, where alembic.ini or pyproject.toml is.
        config: another configuration file.
        heads: the heads to build on; several are merged. Needed only where there are several.
        hook: whether Alembic shall lint each new revision.

    Raises:
        UsageError: there is no Alembic environment, its history cannot be read, or it has several heads.
    """
    if not folder.is_dir():
        raise UsageError(f"There is no folder {folder}.", hint="Name the root of your repository.")
    folder = folder.resolve()
    with contextlib.chdir(folder):
        script = history.script_directory(folder, config)
        revision, path, created = _revision(script, heads)
    files = {
        folder / "backfills" / "README.md": resources.files("sluicegate.templates")
        .joinpath("backfills.md")
        .read_text(),
        folder / DEFAULT_PATH: policy_text(),
    }
    written = [path] if created else []
    kept = [] if created else [path]
    for file, text in files.items():
        if file.exists():
            kept.append(file)
            continue
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        written.append(file)
    release = tuple(int(part) for part in re.findall(r"\d+", alembic.__version__)[:2])
    file = _configuration(folder, config)
    added = add_hook(file) if hook else False
    return Written(
        tuple(written),
        tuple(kept),
        revision,
        needs_import=release < (1, 18),
        hooked=file if added else None,
        other_hooks=file if added is None else None,
    )


def _configuration(folder: Path, config: Path | None) -> Path:
    """Return the file in which Alembic looks for write hooks: pyproject.toml only where alembic.ini has none."""
    ini, toml = folder / "alembic.ini", folder / "pyproject.toml"
    if config is not None:
        return config
    if ini.is_file() and (has_section(ini) or not history.is_alembics(toml)):
        return ini
    return toml


def _revision(script: ScriptDirectory, chosen: Sequence[str]) -> tuple[str, Path, bool]:
    """Return the state schema's revision, its file, and whether it was written just now."""
    present = installed(script)
    if present is not None:
        return present.revision, Path(present.path), False
    on = history.heads(script, chosen)
    identifier = history.next_id(script.get_heads())
    message = "expand sluicegate state" if history.speaks_of_phases(script) else "sluicegate state"
    path = history.write(
        script,
        identifier,
        message,
        on,
        upgrades=revision_body(),
        downgrades='op.execute("DROP SCHEMA sluicegate CASCADE")',
        mark="CREATE FUNCTION sluicegate.schema_version()",
    )
    return identifier, path, True


def installed(script: ScriptDirectory) -> Script | None:
    """Return the revision that creates the state schema, None when there is none.

    Raises:
        UsageError: the history cannot be read.
    """
    try:
        return next((revision for revision in script.walk_revisions() if _installs(Path(revision.path))), None)
    except Exception as error:
        raise history.unreadable(script, error) from error


def _installs(path: Path) -> bool:
    return _INSTALLED.search(path.read_text(encoding="utf-8")) is not None


def revision_body() -> str:
    """Return the body of ``upgrade()``: the state schema as SQL, complete in itself, indented for the template."""
    parts = [f"# The schema in which sluicegate's backfills keep their progress, version {VERSION}; do not change it."]
    parts += [
        f'op.execute(\n        """\n{sql}\n"""\n    )' if "\n" in sql else f'op.execute("{sql}")'
        for sql in install_statements()
    ]
    return "\n    ".join(parts)


def policy_text() -> str:
    """Return a policy file in which every key is explained and none is set."""
    lines = ["# What sluicegate may assume of production, and what it must never let through. Every key is optional."]
    table = None
    for key in KEYS:
        if key.table != table:
            table = key.table
            lines += ["", f"[{table}]"]
        lines += [*_comment(f"{key.doc} Accepted: {key.accepted}."), f"# {key.example}"]
    lines += ["", "[backfill]"]
    for setting in ALL:
        accepted = f"{setting.doc} Accepted: {setting.accepted}."
        lines += [*_comment(accepted), f"# {setting.key} = {setting.default:_}"]
    return "\n".join(lines) + "\n"


def _comment(text: str) -> list[str]:
    return textwrap.wrap(text, 118, initial_indent="# ", subsequent_indent="# ")
