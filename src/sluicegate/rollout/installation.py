"""Prepare a user's Alembic repository: the revision of the state schema, the backfills' folder, the policy file."""

from __future__ import annotations

import contextlib
import io
import re
import textwrap
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

import alembic
from alembic import util
from alembic.config import Config
from alembic.script import ScriptDirectory

from sluicegate.errors import UsageError
from sluicegate.rollout.write_hook import add_hook, has_section
from sluicegate.settings.keys import KEYS
from sluicegate.settings.operational import ALL
from sluicegate.settings.policy import DEFAULT_PATH
from sluicegate.store.schema import VERSION, install_statements

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

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
        script = _script(folder, config)
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
    if ini.is_file() and (has_section(ini) or not _is_alembics(toml)):
        return ini
    return toml


def _script(folder: Path, config: Path | None) -> ScriptDirectory:
    ini, toml = folder / "alembic.ini", folder / "pyproject.toml"
    if config is not None:
        ini, toml = (config, toml) if config.suffix != ".toml" else (ini, config)
    has_toml = _is_alembics(toml)
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


def _is_alembics(toml: Path) -> bool:
    return toml.is_file() and bool(re.search(r"^\[tool\.alembic\]", toml.read_text(encoding="utf-8"), re.MULTILINE))


def _revision(script: ScriptDirectory, heads: Sequence[str]) -> tuple[str, Path, bool]:
    """Return the state schema's revision, its file, and whether it was written just now."""
    from pathlib import Path

    try:
        present = [revision for revision in script.walk_revisions() if _installs(Path(revision.path))]
        if present:
            return present[0].revision, Path(present[0].path), False
        found = script.get_heads()
    except Exception as error:
        # Alembic imports every revision to know the history; whatever they raise comes out here.
        raise UsageError(
            f"Alembic cannot read the history in {script.dir}: {type(error).__name__}: {error}",
            hint="`alembic history` must work first; run this in the environment that runs your migrations.",
        ) from error
    if len(found) > 1 and not heads:
        raise UsageError(
            f"The history has {len(found)} heads: {', '.join(sorted(found))}.",
            hint="Say on which one to build with --head, or merge them by giving --head for each.",
        )
    identifier = _next_id(found)
    try:
        # Alembic narrates to stdout, which is ours for results.
        with contextlib.redirect_stdout(io.StringIO()):
            written = script.generate_revision(
                identifier,
                "expand sluicegate state" if _speaks_of_phases(script) else "sluicegate state",
                head=list(heads) or found or "base",
                upgrades=revision_body(),
                downgrades='op.execute("DROP SCHEMA sluicegate CASCADE")',
                imports="",
            )
    except util.CommandError as error:
        raise UsageError(f"Alembic did not write the revision: {error}") from error
    if written is None:
        raise UsageError("Alembic did not write the revision.", hint="Does `alembic revision` work here?")
    path = Path(written.path)
    if not _installs(path):
        path.unlink()
        raise UsageError(
            "The template script.py.mako leaves out ${upgrades}, so the revision would have been empty.",
            hint="Put ${upgrades} into upgrade() and ${downgrades} into downgrade(), as Alembic's own template does.",
        )
    return identifier, path, True


def _installs(path: Path) -> bool:
    return _INSTALLED.search(path.read_text(encoding="utf-8")) is not None


def _speaks_of_phases(script: ScriptDirectory) -> bool:
    """Whether the revisions are called NNNN_expand_… and NNNN_contract_…"""
    return any(re.match(r"\w+_(expand|contract)_", name) for name in map(_stem, script.walk_revisions()))


def _stem(revision: object) -> str:
    return str(getattr(revision, "path", "")).rpartition("/")[2]


def _next_id(heads: Sequence[str]) -> str:
    """Return the number after the highest head where ids are numbers, else an id of Alembic's own kind."""
    if heads and all(re.fullmatch(r"[0-9]{3,}", head) for head in heads):
        highest = max(heads, key=int)
        return str(int(highest) + 1).zfill(len(highest))
    return str(util.rev_id())


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
