"""The reference page of safety/policy.toml, made from the same record that reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.settings import throttle
from sluicegate.settings.keys import KEYS, PASSED_THROUGH

if TYPE_CHECKING:
    from sluicegate.settings.keys import Key


_OPENING = (
    "What a team has decided about its database and its rules. Every key may be left out. A table, key, rule or value\n"
    "that is not known is refused with its line; nothing is ignored."
)
_RULES = """\
## [rules]

A rule's level, by its name: `"error"`, `"warn"`, `"info"` or `"off"`. A rule with settings of its own takes a table
instead:

```toml
[rules]
rename-column = "error"

[rules.non-null-default]
level = "warn"
allow_constant = true
```

`sluicegate rules` lists the names; each [page](rules/README.md) names the rule's settings."""


def policy_page() -> str:
    """Return the page as Markdown."""
    blocks = ["# safety/policy.toml", _OPENING]
    keys = (*KEYS, *throttle.KEYS)
    for table in dict.fromkeys(key.table for key in keys):
        blocks.append(f"## [{table}]")
        blocks += [_key(key) for key in keys if key.table == table]
    others = ", ".join(f"`[{name}]`" for name in PASSED_THROUGH)
    blocks += [
        _RULES,
        f"## Other tables\n\n{others}: the commands of those names read and refuse their keys themselves.",
    ]
    return "\n\n".join(blocks) + "\n"


def _key(key: Key) -> str:
    name = "*name*" if key.name == "*" else f"`{key.name}`"
    default = "" if key.name == "*" else f" Default: {_default(key.default)}."
    return (
        f"### {name}\n\n{key.doc}\n\nAccepted: {key.accepted}.{default}\n\n```toml\n[{key.table}]\n{key.example}\n```"
    )


def _default(value: object) -> str:
    if value is None or value in ({}, ()):
        return "none"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return "`[" + ", ".join(f'"{item}"' for item in value) + "]`"
    return f'`"{value}"`' if isinstance(value, str) else f"`{value}`"
