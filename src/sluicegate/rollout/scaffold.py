"""What a new backfill is made of: the SQL of its two revisions, its definition and its test."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from importlib import resources
from string import Template
from typing import TYPE_CHECKING

from sluicegate.rules.kit.spelling import identifier, qualified_identifier

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sluicegate.backfill.definition import TableName
    from sluicegate.rollout.base_table import BaseTable, Column

_LOCK = "op.execute(\"SET LOCAL lock_timeout = '2s'\")"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked for.

    Attributes:
        slug: what the backfill is called after its number.
        number: its number, which the contract revision waits for.
        revision: the expand revision's id.
        contract: the contract revision's id.
        before: the revision before the expand revision.
        base: the table whose rows are walked.
        key: its key's columns.
        where: which rows are owed work.
        value: the SQL expression over ``row`` that they get.
        column: the column that takes it, with ``type``.
        into: the table beside the base table that holds the column; None for a column of the base table itself.
        sidecar: the table that keeps a state for each key; None to track by a high watermark.
        source: the expression whose change makes a row stale.
        trigger: whether new and changed rows are written by triggers from the expand revision on.
    """

    slug: str
    number: str
    revision: str
    contract: str
    before: str
    base: BaseTable
    key: tuple[Column, ...]
    where: str
    value: str
    column: str
    type: str
    into: TableName | None
    sidecar: TableName | None
    source: str
    trigger: bool

    @property
    def name(self) -> str:
        """The backfill's name."""
        return f"{self.number}_{self.slug}"

    @property
    def trigger_name(self) -> str:
        """The trigger that fires for INSERT; the function has the same name, in the base table's schema."""
        return f"backfill_{self.slug}"

    @property
    def table(self) -> str:
        """The base table in SQL."""
        return _table(self.base.name)

    @property
    def keys(self) -> str:
        """The key's columns in SQL."""
        return ", ".join(identifier(column.name) for column in self.key)

    def keys_of(self, alias: str) -> str:
        """Return the key's columns of an alias."""
        return ", ".join(f"{alias}.{identifier(column.name)}" for column in self.key)

    def same(self, one: str, other: str) -> str:
        """Return the condition that two aliases have the same key."""
        names = [identifier(column.name) for column in self.key]
        return " AND ".join(f"{one}.{name} = {other}.{name}" for name in names)

    @property
    def always(self) -> bool:
        """Whether every row is owed work."""
        return self.where.strip().lower() == "true"


def _table(name: TableName) -> str:
    return qualified_identifier(name.schema, name.name)


def expand(plan: Plan) -> tuple[list[str], list[str]]:
    """Return the expand revision's statements and those of its downgrade, as Python lines."""
    up: list[str] = []
    down: list[str] = []
    if plan.into is not None:
        up.append(_execute(_create_into(plan, plan.into)))
        down.append(_execute(f"DROP TABLE {_table(plan.into)}"))
    if plan.sidecar is not None:
        up += [_execute(text) for text in _create_sidecar(plan, plan.sidecar)]
        down.append(_execute(f"DROP TABLE {_table(plan.sidecar)}"))
    if plan.into is None or plan.trigger:
        up.append(_LOCK)
    if plan.into is None:
        up.append(_execute(f"ALTER TABLE {plan.table} ADD COLUMN {identifier(plan.column)} {plan.type}"))
    if plan.trigger:
        created, dropped = _triggers(plan)
        up += [_execute(text) for text in created]
        down = [_LOCK, *(_execute(text) for text in dropped), *down]
    if plan.into is None:
        down += [] if plan.trigger else [_LOCK]
        down.append(_execute(f"ALTER TABLE {plan.table} DROP COLUMN {identifier(plan.column)}"))
    return up, down


def contract(plan: Plan) -> tuple[list[str], list[str]]:
    """Return the contract revision's statements and those of its downgrade, as Python lines."""
    gate = f'op.require_backfill("{plan.number}")'
    references = [table for table in (plan.into, plan.sidecar) if table is not None]
    if not references and not plan.always:
        return [gate], ["pass"]
    up, down = [gate, "op.execute(\"SET lock_timeout = '2s'\")"], ["op.execute(\"SET lock_timeout = '2s'\")"]
    if plan.into is None and plan.always:
        checked = identifier(f"{plan.base.name.name}_{plan.column}_filled")
        column = identifier(plan.column)
        up += [
            _execute(
                f"ALTER TABLE {plan.table} DROP CONSTRAINT IF EXISTS {checked},\n"
                f"    ADD CONSTRAINT {checked} CHECK ({column} IS NOT NULL) NOT VALID"
            ),
            _autocommit(f"ALTER TABLE {plan.table} VALIDATE CONSTRAINT {checked}"),
            # The validated check spares SET NOT NULL its look at every row, unless this statement drops it too.
            _execute(f"ALTER TABLE {plan.table} ALTER COLUMN {column} SET NOT NULL"),
            _execute(f"ALTER TABLE {plan.table} DROP CONSTRAINT {checked}"),
        ]
        down.append(_execute(f"ALTER TABLE {plan.table} ALTER COLUMN {column} DROP NOT NULL"))
    for table in references:
        name = identifier(f"{table.name}_{plan.base.name.name}_fkey"[:63])
        up += [
            _execute(
                f"ALTER TABLE {_table(table)} DROP CONSTRAINT IF EXISTS {name},\n"
                f"    ADD CONSTRAINT {name} FOREIGN KEY ({plan.keys})\n"
                f"        REFERENCES {plan.table} ({plan.keys}) ON DELETE CASCADE NOT VALID"
            ),
            _autocommit(f"ALTER TABLE {_table(table)} VALIDATE CONSTRAINT {name}"),
        ]
        down.append(_execute(f"ALTER TABLE {_table(table)} DROP CONSTRAINT {name}"))
    return [*up, 'op.execute("RESET lock_timeout")'], [*down, 'op.execute("RESET lock_timeout")']


def definition(plan: Plan) -> str:
    """Return the text of the backfill's file."""
    if plan.into is None:
        done = f"row.{identifier(plan.column)} IS NOT NULL"
        apply = (
            f"UPDATE {plan.table} AS target SET {identifier(plan.column)} = {plan.value}\n"
            f"FROM {{chunk}} AS row\nWHERE {plan.same('target', 'row')}"
        )
    else:
        done = f"EXISTS (SELECT 1 FROM {_table(plan.into)} AS target WHERE {plan.same('target', 'row')})"
        apply = _insert(plan, plan.into, "{chunk}")
    tracking = "HighWatermark()"
    if plan.sidecar is not None:
        tracking = f"Sidecar(table={_quoted(_table(plan.sidecar))}, source={_quoted(plan.source)})"
    names = [column.name for column in plan.key]
    return _template("backfill.py.txt").substitute(
        title=f"Fill {plan.column} of {plan.into or plan.base.name}.",
        imports="Backfill, Sidecar" if plan.sidecar is not None else "Backfill, HighWatermark",
        revision=_quoted(plan.revision),
        table=_quoted(plan.table),
        key=_quoted(names[0]) if len(names) == 1 else f"({', '.join(map(_quoted, names))})",
        where=_quoted(plan.where),
        done=_quoted(done),
        apply=textwrap.indent(apply, " " * 8),
        tracking=tracking,
        trigger=f"    trigger={_quoted(plan.trigger_name)},\n" if plan.trigger else "",
    )


def test(plan: Plan, up: str) -> str:
    """Return the text of the backfill's test; ``up`` leads from the test's folder to the repository's root."""
    columns = [column for column in plan.base.columns if column.sample is not None]
    names = ", ".join(identifier(column.name) for column in columns)
    values = ",\n           ".join(str(column.sample) for column in columns)
    rows = f"INSERT INTO {plan.table} ({names})\n    SELECT {values}" if columns else ""
    if not columns:
        rows = f"INSERT INTO {plan.table} SELECT"
    return _template("backfill_test.py.txt").substitute(
        name=plan.name,
        root=up,
        rows=rows,
        table=str(plan.base.name),
        before=plan.before,
        revision=plan.revision,
        contract=plan.contract,
        later="written by the trigger" if plan.trigger else "worked off by tick",
    )


def body(lines: Sequence[str]) -> str:
    """Return the body of ``upgrade()`` or ``downgrade()``, indented from its second line on."""
    return "\n".join(lines).replace("\n", "\n    ").replace("\n    \n", "\n\n")


def _create_into(plan: Plan, into: TableName) -> str:
    columns = [f"{identifier(column.name)} {column.type} NOT NULL" for column in plan.key]
    columns += [
        f"{identifier(plan.column)} {plan.type}",
        f"CONSTRAINT {identifier(into.name + '_pkey')} PRIMARY KEY ({plan.keys})",
    ]
    return f"CREATE TABLE {_table(into)} (\n    " + ",\n    ".join(columns) + "\n)"


def _create_sidecar(plan: Plan, sidecar: TableName) -> list[str]:
    columns = [f"{identifier(column.name)} {column.type} NOT NULL" for column in plan.key]
    columns += [
        "state text NOT NULL DEFAULT 'pending'",
        "attempts integer NOT NULL DEFAULT 0",
        "reason text",
        "source_hash text",
        "updated_at timestamp with time zone NOT NULL DEFAULT now()",
        f"CONSTRAINT {identifier(sidecar.name + '_pkey')} PRIMARY KEY ({plan.keys})",
        f"CONSTRAINT {identifier(sidecar.name + '_state_check')} CHECK (state IN ('pending', 'done', 'failed'))",
    ]
    create = f"CREATE TABLE {_table(sidecar)} (\n    " + ",\n    ".join(columns) + "\n)"
    indexes = [
        f"CREATE INDEX {identifier(f'{sidecar.name}_{state}_idx')} ON {_table(sidecar)} ({plan.keys}) "
        f"WHERE state = '{state}'"
        for state in ("pending", "failed")
    ]
    return [create, *indexes]


def _insert(plan: Plan, into: TableName, rows: str) -> str:
    column = identifier(plan.column)
    condition = "" if rows == "{chunk}" or plan.always else f"\nWHERE {plan.where}"
    return (
        f"INSERT INTO {_table(into)} ({plan.keys}, {column})\nSELECT {plan.keys_of('row')}, {plan.value}\n"
        f"FROM {rows} AS row{condition}\nON CONFLICT ({plan.keys}) DO UPDATE SET {column} = excluded.{column}"
    )


def _triggers(plan: Plan) -> tuple[list[str], list[str]]:
    """Return the statements that create the triggers, and those that drop them."""
    schema, name = plan.base.name.schema, plan.trigger_name
    if plan.sidecar is None and plan.into is None:
        function = qualified_identifier(schema, name)
        value = f"NEW.{identifier(plan.column)} := (SELECT {plan.value} FROM (SELECT NEW.*) AS row);"
        if not plan.always:
            value = f"IF (SELECT {plan.where} FROM (SELECT NEW.*) AS row) THEN\n        {value}\n    END IF;"
        create = f"CREATE TRIGGER {identifier(name)} BEFORE INSERT OR UPDATE ON {plan.table}\n"
        create += f"    FOR EACH ROW EXECUTE FUNCTION {function}()"
        drop = [f"DROP TRIGGER {identifier(name)} ON {plan.table}", f"DROP FUNCTION {function}()"]
        return [_function(function, f"{value}\n    RETURN NEW;"), create], drop
    created: list[str] = []
    dropped: list[str] = []
    gone = [
        f"DELETE FROM {_table(t)} AS target USING removed AS row WHERE {plan.same('target', 'row')};"
        for t in (plan.into, plan.sidecar)
        if t is not None
    ]
    moved = [
        f"DELETE FROM {_table(t)} AS target USING (\n"
        f"        SELECT {plan.keys} FROM removed EXCEPT SELECT {plan.keys} FROM added\n"
        f"    ) AS row WHERE {plan.same('target', 'row')};"
        for t in (plan.into, plan.sidecar)
        if t is not None
    ]
    fed = _feed(plan)
    events = [
        ("INSERT", "NEW TABLE AS added", fed),
        ("UPDATE", "OLD TABLE AS removed NEW TABLE AS added", "\n    ".join([*moved, fed])),
        ("DELETE", "OLD TABLE AS removed", "\n    ".join(gone)),
    ]
    for event, tables, work in events:
        own = name if event == "INSERT" else f"{name}_{event.lower()}"
        function = qualified_identifier(schema, own)
        on = f"AFTER {event} ON {plan.table}\n    REFERENCING {tables}"
        call = f"FOR EACH STATEMENT EXECUTE FUNCTION {function}()"
        created.append(_function(function, f"{work}\n    RETURN NULL;"))
        created.append(f"CREATE TRIGGER {identifier(own)} {on}\n    {call}")
        dropped += [f"DROP TRIGGER {identifier(own)} ON {plan.table}", f"DROP FUNCTION {function}()"]
    return created, dropped


def _feed(plan: Plan) -> str:
    """What a trigger does for rows that come or change: the work itself, or a place on the sidecar's list."""
    if plan.sidecar is None and plan.into is not None:
        return _insert(plan, plan.into, "added").replace("\n", "\n    ") + ";"
    condition = "" if plan.always else f"\n    WHERE {plan.where}"
    sidecar = plan.sidecar if plan.sidecar is not None else plan.base.name
    return (
        f"INSERT INTO {_table(sidecar)} ({plan.keys})\n    SELECT {plan.keys_of('row')} FROM added AS row{condition}\n"
        f"    ON CONFLICT ({plan.keys}) DO UPDATE SET state = 'pending', updated_at = now();"
    )


def _function(name: str, work: str) -> str:
    return f"CREATE FUNCTION {name}() RETURNS trigger\nLANGUAGE plpgsql\nAS $$\nBEGIN\n    {work}\nEND\n$$"


def _execute(text: str) -> str:
    return f"op.execute({_quoted(text)})" if "\n" not in text else f'op.execute(\n    """\n{_block(text)}\n    """\n)'


def _autocommit(text: str) -> str:
    return f"with op.get_context().autocommit_block():\n    op.execute({_quoted(text)})"


def _block(text: str) -> str:
    return textwrap.indent(text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"'), "    ")


def _quoted(text: str) -> str:
    """Return a Python literal in double quotes."""
    if "\n" in text:
        return f'"""{text}"""'
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _template(name: str) -> Template:
    return Template(resources.files("sluicegate.templates").joinpath(name).read_text(encoding="utf-8"))
