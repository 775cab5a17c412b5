"""Rules of the repository that is judged: files in ``rules/`` beside the policy, loaded by path."""

from __future__ import annotations

import ast
import sys
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import TYPE_CHECKING

from sluicegate.errors import UsageError
from sluicegate.lint.asking import line_in
from sluicegate.rules.kit.catalogue import Entry, RuleFileError, all_rules, read_entry

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import CodeType

    from sluicegate.settings.policy import Policy

FOLDER = "rules"
"""Where a repository keeps its own rules, beside its policy file."""

_PACKAGE = "sluicegate_own_rules"  # a name that nobody imports; the files are no package
_HINT = "docs/rules/writing-rules.md shows a whole rule."


def rules_under(policy: Policy) -> Mapping[str, Entry]:
    """Return every rule that a policy is judged with: ours, and those in the folder beside it.

    Files whose names begin with an underscore are left alone.

    Raises:
        UsageError: files that are no rules; the message has one line for each, with the place.
    """
    if policy.path is None:
        return all_rules()
    folder = policy.path.resolve().parent / FOLDER
    if not folder.is_dir():
        return all_rules()
    files = sorted(path for path in folder.glob("*.py") if not path.name.startswith("_"))
    return _loaded(tuple((path, path.stat().st_mtime_ns) for path in files))


@lru_cache(maxsize=8)
def _loaded(files: tuple[tuple[Path, int], ...]) -> Mapping[str, Entry]:
    """Return all rules with those of some files, which are read once; a changed file is read again."""
    known = dict(all_rules())
    troubles = []
    for path, _ in files:
        try:
            entry = _read(path)
            if entry.rule.name in known:
                line = _line_of(path, "RULE")
                raise RuleFileError(f"there is a rule {entry.rule.name!r} already; choose another name.", line)
        except RuleFileError as error:
            troubles.append(f"{_shown(path)}:{error.line or 1}: {error}")
        else:
            known[entry.rule.name] = entry
    if troubles:
        what = "This file is no rule" if len(troubles) == 1 else "These files are no rules"
        raise UsageError("\n  ".join([f"{what}, so nothing was judged:", *troubles]), hint=_HINT)
    return MappingProxyType(dict(sorted(known.items())))


def _read(path: Path) -> Entry:
    try:
        source = path.read_bytes()
        # Compiled here and not imported: no __pycache__ appears in somebody's repository.
        code = compile(source, str(path), "exec", dont_inherit=True)
    except SyntaxError as error:
        raise RuleFileError(f"Python cannot read it: {error.msg}.", error.lineno) from error
    except (OSError, ValueError) as error:
        raise RuleFileError(f"it cannot be read: {error}.") from error
    module = ModuleType(f"{_PACKAGE}.{path.stem}")
    module.__file__ = str(path)
    _run(path, module, code)
    try:
        entry = read_entry(module, origin=_shown(path))
    except RuleFileError as error:
        raise RuleFileError(str(error), error.line or _line_of(path, error.about)) from error
    return entry


def _run(path: Path, module: ModuleType, code: CodeType) -> None:
    sys.modules[module.__name__] = module  # dataclasses and pickles of the rule's own look themselves up there
    try:
        exec(code, module.__dict__)  # noqa: S102 - the repository's own code, which its owner asks us to run
    except Exception as error:
        raise RuleFileError(f"{type(error).__name__}: {error}.", line_in(path, error)) from error


def _line_of(path: Path, name: str) -> int | None:
    """Return the line on which a file assigns or defines a name."""
    for node in ast.parse(path.read_bytes()).body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        named = {getattr(target, "id", None) for target in targets} | {getattr(node, "name", None)}
        if name in named:
            return node.lineno
    return None


def _shown(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
