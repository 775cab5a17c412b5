"""Have Alembic lint each revision as it is written: one more post write hook in the user's own configuration."""

from __future__ import annotations

import configparser
import re
import tomllib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

NAME = "sluicegate"
_OPTIONS = "lint REVISION_SCRIPT_FILENAME"

INI = f"""\
hooks = {NAME}
{NAME}.type = console_scripts
{NAME}.entrypoint = sluicegate
{NAME}.options = {_OPTIONS}
"""
"""The hook in alembic.ini, below ``[post_write_hooks]``."""

TOML = f"""\
[[tool.alembic.post_write_hooks]]
name = "{NAME}"
type = "console_scripts"
entrypoint = "sluicegate"
options = "{_OPTIONS}"
"""
"""The hook in pyproject.toml."""

_HEADER = re.compile(r"^\[post_write_hooks\][ \t]*\n", re.MULTILINE)


def add_hook(path: Path) -> bool | None:
    """Add the hook to Alembic's configuration file.

    Returns:
        Whether the file was changed; None when it has other hooks, whose order is the user's to decide.
    """
    text = path.read_text(encoding="utf-8")
    changed = _in_toml(text) if path.suffix == ".toml" else _in_ini(text)
    if changed is None or changed == text:
        return None if changed is None else False
    path.write_text(changed, encoding="utf-8")
    return True


def has_section(ini: Path) -> bool:
    """Tell whether an alembic.ini has write hooks, set or not; then Alembic looks nowhere else."""
    return _HEADER.search(ini.read_text(encoding="utf-8")) is not None


def _in_ini(text: str) -> str | None:
    parser = configparser.RawConfigParser()
    parser.read_string(text)
    hooks = parser.get("post_write_hooks", "hooks", fallback="")
    if NAME in re.split(r"[\s,]+", hooks):
        return text
    if hooks.strip():
        return None
    header = _HEADER.search(text)
    if header is None:
        return f"{text.rstrip()}\n\n[post_write_hooks]\n{INI}"
    return f"{text[: header.end()]}{INI}\n{text[header.end() :]}"


def _in_toml(text: str) -> str | None:
    hooks = tomllib.loads(text).get("tool", {}).get("alembic", {}).get("post_write_hooks", [])
    if any(hook.get("name") == NAME for hook in hooks):
        return text
    changed = f"{text.rstrip()}\n\n{TOML}"
    try:
        tomllib.loads(changed)
    except tomllib.TOMLDecodeError:  # the hooks are written as one inline array
        return None
    return changed
