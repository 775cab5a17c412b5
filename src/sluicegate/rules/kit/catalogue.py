"""Every rule there is, found on disk: a module beside the kit is a rule, and nothing lists it."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import sluicegate.rules
from sluicegate.findings import Level
from sluicegate.rules.kit.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import ModuleType

    from sluicegate.rules.kit.rule import Problem
    from sluicegate.settings.policy import Policy

HEADINGS = ("What it does", "Why it hurts", "Instead", "When it is fine")
"""The headings of every rule's docstring, in order."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A rule with everything that its module says.

    Attributes:
        rule: the declaration.
        title: the first line of the docstring.
        sections: heading → text, in the order of ``HEADINGS``.
        setup: SQL that makes the schema which the examples change.
        policy: the policy file under which the examples are judged, where they need one.
        bad: the body of an ``upgrade()`` that has the problem.
        good: the bodies of the revisions that reach the goal without it.
        check: the judgement.
        origin: the file of a rule that belongs to the judged repository; empty for ours.
    """

    rule: Rule
    title: str
    sections: Mapping[str, str]
    setup: str
    policy: str
    bad: str
    good: tuple[str, ...]
    check: Callable[[Any], Iterator[Problem]]
    origin: str = ""

    def level(self, policy: Policy) -> Level | None:
        """Return the level under a policy; None when it is off."""
        settings = policy.rules.get(self.rule.name)
        if settings is None or settings.level is None:
            return self.rule.level
        return None if settings.level == "off" else Level(settings.level)

    def options(self, policy: Policy) -> dict[str, Any]:
        """Return each option's value under a policy."""
        settings = policy.rules.get(self.rule.name)
        given = settings.options if settings else {}
        return {option.name: given.get(option.name, option.default) for option in self.rule.options}


@cache
def all_rules() -> Mapping[str, Entry]:
    """Return every rule by its name, in alphabetical order."""
    modules = (m.name for m in pkgutil.iter_modules(sluicegate.rules.__path__) if not m.ispkg)
    entries = (read_entry(importlib.import_module(f"sluicegate.rules.{name}")) for name in sorted(modules))
    return {entry.rule.name: entry for entry in entries}


class RuleFileError(ValueError):
    """A module that is no rule.

    Attributes:
        line: where, if that is known.
        about: the module's name that the words are about; empty for the docstring.
    """

    def __init__(self, message: str, line: int | None = None, *, about: str = "") -> None:
        """Say what is wrong."""
        self.line, self.about = line, about
        super().__init__(message)


def read_entry(module: ModuleType, origin: str = "") -> Entry:
    """Turn a rule's module into an entry; ``origin`` is the file of a rule that is not ours.

    Raises:
        RuleFileError: something that every rule has is missing, or the name is not the module's.
    """
    title, sections = _page(inspect.cleandoc(module.__doc__ or ""))
    rule = getattr(module, "RULE", None)
    if not isinstance(rule, Rule):
        raise RuleFileError('it lacks RULE = Rule(name="…", level=Level.WARN).', about="RULE")
    _check_name(rule, module.__name__.rpartition(".")[2])
    check = getattr(module, "check", None)
    if not callable(check):
        raise RuleFileError("it lacks a function check(context) that yields Problem(…).", about="check")
    good = _bodies(module, "GOOD")
    return Entry(
        rule=rule,
        title=title,
        sections=sections,
        setup=inspect.cleandoc(getattr(module, "SETUP", "")),
        policy=inspect.cleandoc(getattr(module, "POLICY", "")),
        bad=_bodies(module, "BAD")[0],
        good=good,
        check=check,
        origin=origin,
    )


def _page(docstring: str) -> tuple[str, dict[str, str]]:
    title, *parts = re.split(r"^## (.+)$", docstring, flags=re.MULTILINE)
    sections = {heading: body.strip() for heading, body in zip(parts[::2], parts[1::2], strict=True)}
    if not title.strip() or tuple(sections) != HEADINGS:
        headings = ", ".join(f"## {heading}" for heading in HEADINGS)
        raise RuleFileError(f"its docstring needs one sentence and the headings {headings}, in this order.")
    return title.strip(), sections


def _check_name(rule: Rule, module: str) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", rule.name):
        raise RuleFileError(f"{rule.name!r} is no name for a rule: write-it-like-this.", about="RULE")
    wanted = rule.name.replace("-", "_")
    if wanted != module:
        raise RuleFileError(f"the rule {rule.name!r} belongs into another file, {wanted}.py.", about="RULE")


def _bodies(module: ModuleType, name: str) -> tuple[str, ...]:
    value = getattr(module, name, None)
    bodies = value if isinstance(value, tuple) and name == "GOOD" else (value,)
    if not bodies or not all(isinstance(body, str) and body.strip() for body in bodies):
        kind = "text, or a tuple of texts," if name == "GOOD" else "text"
        raise RuleFileError(f"it needs {name}: {kind} with the body of an upgrade().", about=name)
    return tuple(inspect.cleandoc(body) for body in bodies)


def check_policy(policy: Policy, rules: Mapping[str, Entry] | None = None) -> None:
    """Refuse a policy that names a rule or an option which does not exist, or gives an option another type.

    Args:
        policy: the policy.
        rules: the rules there are, by name; ours if left out.

    Raises:
        UsageError: with the file, the line, what is wrong and what is accepted.
    """
    known = all_rules() if rules is None else rules
    for name, settings in policy.rules.items():
        if name not in known:
            raise policy.refuse(
                "rules", name, f"there is no rule {name!r}.", "the names that `sluicegate rules` prints"
            )
        options = {option.name: option for option in known[name].rule.options}
        for key, value in settings.options.items():
            table = f"rules.{name}"
            if key not in options:
                raise policy.refuse(table, key, f"[{table}] {key} is not known.", ", ".join(["level", *options]))
            wanted = type(options[key].default)
            if type(value) is not wanted:
                words = {bool: "true or false", int: "a whole number", str: "a string"}[wanted]
                raise policy.refuse(table, key, f"[{table}] {key} = {value!r} is refused.", words)
