"""A SECURITY DEFINER function without a search_path runs whatever a caller puts in its way.

## What it does

`CREATE FUNCTION … SECURITY DEFINER` without `SET search_path`.

## Why it hurts

The function runs with its owner's rights and looks up names in the caller's search_path: a caller who creates a table
or function of the right name in a schema of theirs runs code as the owner.

## Instead

`SET search_path = ''` (or a trusted list) on the function, and qualified names in its body.

## When it is fine

Never for functions that others may call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.findings import Level
from sluicegate.rules.kit.remedy import advice
from sluicegate.rules.kit.rule import Problem, Rule
from sluicegate.statements.nodes import options, strings, truth, value_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.context import Context

RULE = Rule(name="security-definer-without-search-path", level=Level.WARN)

SETUP = """
CREATE TABLE events (id bigint PRIMARY KEY, organization_id bigint, kind varchar(50), payload_text text NOT NULL);
"""

BAD = """
op.execute(
    "CREATE FUNCTION count_events() RETURNS bigint LANGUAGE sql SECURITY DEFINER"
    " AS 'SELECT count(*) FROM events'"
)
"""

GOOD = """
op.execute(
    "CREATE FUNCTION count_events() RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = ''"
    " AS 'SELECT count(*) FROM public.events'"
)
"""


def check(context: Context) -> Iterator[Problem]:
    """Judge each function that runs with another's rights."""
    if context.kind != "create_function_stmt":
        return
    settings = options(context.node.options)
    definer = any(
        item.def_elem.defname == "security" and truth(value_of(item.def_elem.arg)) for item in context.node.options
    )
    path = any(
        item.def_elem.defname == "set" and item.def_elem.arg.variable_set_stmt.name == "search_path"
        for item in context.node.options
    )
    if definer and not path and settings:
        name = ".".join(strings(context.node.funcname))
        yield Problem(
            f"{name} runs with its owner's rights and looks up names in its caller's search_path: a caller can "
            "put a function "
            "or table of their own in its way.",
            advice("Add SET search_path = '' to the function, and qualify the names in its body."),
        )
