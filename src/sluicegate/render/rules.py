"""Rules as pages: the same record becomes a table, a page in the terminal and a file in docs/rules."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from sluicegate.rules.kit.rule import ALL_VERSIONS, Subject

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sluicegate.rules.kit.catalogue import Entry
    from sluicegate.rules.kit.rule import Rule


def rules_table(entries: Iterable[Entry]) -> str:
    """Return one line for each rule: level, name, title."""
    rows = [(entry.rule.level.value, entry.rule.name, entry.title) for entry in entries]
    width = max((len(name) for _, name, _ in rows), default=0)
    return "".join(f"{level:<5}  {name:<{width}}  {title}\n" for level, name, title in rows)


def rule_page(entry: Entry) -> str:
    """Return a rule's page as Markdown."""
    rule = entry.rule
    parts = [
        f"# {rule.name}",
        entry.title,
        f"Level: **{rule.level.value}**"
        + ("" if rule.versions == ALL_VERSIONS else f" · {_versions(rule.versions)}")
        + (f" · a rule of this repository, `{entry.origin}`" if entry.origin else ""),
        *(f"## {heading}\n\n{text}" for heading, text in entry.sections.items()),
        "## Bad\n\n"
        + (_code("sql", entry.setup, "Given") if entry.setup else "")
        + _policy(entry)
        + _example(rule, entry.bad),
        "## Good\n\n" + _good(rule, entry.good),
    ]
    if rule.options:
        rows = "".join(f"- `{o.name}` (default `{_toml(o.default)}`): {o.doc}\n" for o in rule.options)
        parts.append(f"## Settings\n\nUnder `[rules.{rule.name}]` in safety/policy.toml:\n\n{rows}".rstrip())
    return "\n\n".join(parts) + "\n"


def rules_index(entries: Iterable[Entry]) -> str:
    """Return the page that lists every rule, as Markdown."""
    rows = "".join(f"| [{e.rule.name}]({e.rule.name}.md) | {e.rule.level.value} | {e.title} |\n" for e in entries)
    return (
        "# Rules\n\n"
        "Each page is made from the rule itself, and its examples run on real servers in the tests.\n"
        'Levels can be changed in safety/policy.toml: `[rules]` `rename-column = "warn"`.\n'
        "What is deliberately not judged, and why, is in [not-covered.md](not-covered.md).\n"
        "How to add rules of your own is in [writing-rules.md](writing-rules.md).\n\n"
        f"| rule | level | what it is about |\n| --- | --- | --- |\n{rows}"
    )


def _good(rule: Rule, bodies: tuple[str, ...]) -> str:
    if len(bodies) == 1:
        return _example(rule, bodies[0])
    words = [f"Revision {number}:\n\n{_example(rule, body)}" for number, body in enumerate(bodies, start=1)]
    return "\n\n".join(words)


def _example(rule: Rule, body: str) -> str:
    if rule.subject is Subject.WAIVER:
        return f"```toml\n{body}\n```"
    return "```python\ndef upgrade():\n" + textwrap.indent(body, "    ") + "\n```"


def _policy(entry: Entry) -> str:
    return _code("toml", entry.policy, "Under the policy") if entry.policy else ""


def _code(language: str, text: str, title: str) -> str:
    return f"{title}:\n\n```{language}\n{text}\n```\n\n"


def _versions(versions: range) -> str:
    if versions[-1] == ALL_VERSIONS[-1]:
        return f"PostgreSQL {versions[0]} and later"
    return f"PostgreSQL {versions[0]} to {versions[-1]}"


def _toml(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
