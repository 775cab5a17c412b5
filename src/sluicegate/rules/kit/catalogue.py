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

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import ModuleType

    from sluicegate.rules.kit.rule import Problem, Rule
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
    """

    rule: Rule
    title: str
    sections: Mapping[str, str]
    setup: str
    policy: str
    bad: str
    good: tuple[str, ...]
    check: Callable[[Any], Iterator[Problem]]

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


def read_entry(module: ModuleType) -> Entry:
    """Turn a rule's module into an entry.

    Raises:
        ValueError: the docstring lacks a heading, or the name is not the module's.
    """
    rule: Rule = module.RULE
    if rule.name.replace("-", "_") != module.__name__.rpartition(".")[2]:
        raise ValueError(f"{module.__name__} declares the rule {rule.name!r}, which belongs into another file")
    text = inspect.cleandoc(module.__doc__ or "")
    title, *parts = re.split(r"^## (.+)$", text, flags=re.MULTILINE)
    sections = {heading: body.strip() for heading, body in zip(parts[::2], parts[1::2], strict=True)}
    if tuple(sections) != HEADINGS:
        raise ValueError(f"{module.__name__}: the docstring needs the headings {HEADINGS}, in this order")
    good = module.GOOD if isinstance(module.GOOD, tuple) else (module.GOOD,)
    return Entry(
        rule=rule,
        title=title.strip(),
        sections=sections,
        setup=inspect.cleandoc(getattr(module, "SETUP", "")),
        policy=inspect.cleandoc(getattr(module, "POLICY", "")),
        bad=inspect.cleandoc(module.BAD),
        good=tuple(inspect.cleandoc(body) for body in good),
        check=module.check,
    )


def check_policy(policy: Policy) -> None:
    """Refuse a policy that names a rule or an option which does not exist, or gives an option another type.

    Raises:
        UsageError: with the file, the line, what is wrong and what is accepted.
    """
    known = all_rules()
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
