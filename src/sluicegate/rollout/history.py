"""A user's Alembic repository: its script directory, how its revisions are numbered, and writing one more."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path
from typing import TYPE_CHECKING

import alembic
from alembic import util
from alembic.config import Config
from alembic.script import ScriptDirectory

from sluicegate.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

_UNREADABLE = "`alembic history` must work first; run this in the environment that runs your migrations."


def script_directory(folder: Path, config: Path | None) -> ScriptDirectory:
    """Return the script directory of a repository.

    Raises:
        UsageError: there is no Alembic environment, or Alembic cannot use its configuration.
    """
    ini, toml = folder / "alembic.ini", folder / "pyproject.toml"
    if config is not None:
        ini, toml = (config, toml) if config.suffix != ".toml" else (ini, config)
    has_toml = is_alembics(toml)
    if not ini.is_file() and not has_toml:
        raise UsageError(
            f"There is no Alembic environment in {folder}: neither alembic.ini nor [tool.alembic] in pyproject.toml.",
            hint="Create one with: alembic init migrations; or name its configuration file with --config.",
        )
    try:
        given = Config(str(ini), toml_file=str(toml)) if has_toml else Config(str(ini))
        return ScriptDirectory.from_config(given)
    except TypeError:
        raise UsageError(
            f"Alembic {alembic.__version__} does not read [tool.alembic] in pyproject.toml; 1.16 and later does.",
            hint="Update Alembic, or write an alembic.ini.",
        ) from None
    except util.CommandError as error:
        raise UsageError(f"Alembic cannot use the configuration in {folder}: {error}") from error


def is_alembics(toml: Path) -> bool:
    """Tell whether a pyproject.toml configures Alembic."""
    return toml.is_file() and bool(re.search(r"^\[tool\.alembic\]", toml.read_text(encoding="utf-8"), re.MULTILINE))


def heads(script: ScriptDirectory, chosen: Sequence[str]) -> tuple[str, ...]:
    """Return the heads to build on.

    Raises:
        UsageError: there are several and none is chosen, or the history cannot be read.
    """
    try:
        found = script.get_heads()
    except Exception as error:
        raise unreadable(script, error) from error
    if len(found) > 1 and not chosen:
        raise UsageError(
            f"The history has {len(found)} heads: {', '.join(sorted(found))}.",
            hint="Say on which one to build with --head, or merge them by giving --head for each.",
        )
    return tuple(chosen) or tuple(found)


def unreadable(script: ScriptDirectory, error: Exception) -> UsageError:
    """Build the error for a history that Alembic cannot read: it imports every revision, which may raise anything."""
    return UsageError(
        f"Alembic cannot read the history in {script.dir}: {type(error).__name__}: {error}", hint=_UNREADABLE
    )


def write(
    script: ScriptDirectory,
    identifier: str,
    message: str,
    on: Sequence[str],
    *,
    upgrades: str,
    downgrades: str,
    mark: str,
) -> Path:
    """Write a revision by the repository's own template.

    Args:
        script: the script directory.
        identifier: the revision's id.
        message: what it does; its file is named after it.
        on: the revisions before it; none for the first.
        upgrades: the body of ``upgrade()``, indented by four from its second line on.
        downgrades: the body of ``downgrade()``.
        mark: a piece of the body that must be in the file.

    Raises:
        UsageError: Alembic did not write it, or the template leaves the body out.
    """
    try:
        # Alembic narrates to stdout, which is ours for results.
        with contextlib.redirect_stdout(io.StringIO()):
            written = script.generate_revision(
                identifier, message, head=list(on) or "base", upgrades=upgrades, downgrades=downgrades, imports=""
            )
    except util.CommandError as error:
        raise UsageError(f"Alembic did not write the revision: {error}") from error
    if written is None:
        raise UsageError("Alembic did not write the revision.", hint="Does `alembic revision` work here?")
    path = Path(written.path)
    if mark not in path.read_text(encoding="utf-8"):
        path.unlink()
        raise UsageError(
            "The template script.py.mako leaves out ${upgrades}, so the revision would have been empty.",
            hint="Put ${upgrades} into upgrade() and ${downgrades} into downgrade(), as Alembic's own template does.",
        )
    return path


def speaks_of_phases(script: ScriptDirectory) -> bool:
    """Whether the revisions are called NNNN_expand_… and NNNN_contract_…"""
    return any(re.match(r"\w+_(expand|contract)_", name) for name in map(_stem, script.walk_revisions()))


def _stem(revision: object) -> str:
    return str(getattr(revision, "path", "")).rpartition("/")[2]


def next_id(heads: Sequence[str]) -> str:
    """Return the number after the highest head where ids are numbers, else an id of Alembic's own kind."""
    if heads and all(re.fullmatch(r"[0-9]{3,}", head) for head in heads):
        highest = max(heads, key=int)
        return str(int(highest) + 1).zfill(len(highest))
    return str(util.rev_id())
