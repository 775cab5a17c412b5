"""What revisions written for SQLAlchemy 1.x call and 2.x no longer has: history is not rewritten for a new release.

Sources: SQLAlchemy's migration guide "What's new in SQLAlchemy 2.0" and the changelog of 2.0.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.engine import Connection, Engine, Result
from sqlalchemy.orm import registry as orm_registry
from sqlalchemy.sql import expression, schema

if TYPE_CHECKING:
    from collections.abc import Callable

_BIND = "sluicegate_bind"


def install() -> None:
    """Bring the older calls back, in this process only."""
    _text_statements()
    _bound_metadata()
    _lists_of_columns()
    _engines_that_execute()
    _unmapped_annotations()


def _text_statements() -> None:
    run = Connection.execute

    @functools.wraps(run)
    def execute(self: Connection, statement: Any, *parameters: Any, **options: Any) -> Any:
        if not isinstance(statement, str):
            return run(self, statement, *parameters, **options)
        if len(parameters) == 1 and isinstance(parameters[0], list | dict | tuple):
            return self.exec_driver_sql(str(statement), parameters[0])
        return self.exec_driver_sql(str(statement), options or (parameters or None))

    Connection.execute = execute  # type: ignore[method-assign]
    run_in_session = orm.Session.execute

    @functools.wraps(run_in_session)
    def execute_in_session(self: orm.Session, statement: Any, *arguments: Any, **options: Any) -> Any:
        wrapped = sa.text(statement) if isinstance(statement, str) else statement
        if isinstance(wrapped, orm.Query):
            wrapped = wrapped.statement
        return run_in_session(self, wrapped, *arguments, **options)

    orm.Session.execute = execute_in_session  # type: ignore[method-assign]


def _bound_metadata() -> None:
    initialize = sa.MetaData.__init__

    @functools.wraps(initialize)
    def initialize_metadata(self: sa.MetaData, *arguments: Any, **options: Any) -> None:
        bind = options.pop("bind", None)
        if arguments and isinstance(arguments[0], Connection | Engine):
            bind, arguments = arguments[0], arguments[1:]
        initialize(self, *arguments, **options)
        if bind is not None:
            self.info[_BIND] = bind
            self.bind = bind  # type: ignore[attr-defined]

    sa.MetaData.__init__ = initialize_metadata  # type: ignore[method-assign]
    for kind, name in (
        (sa.MetaData, "create_all"),
        (sa.MetaData, "drop_all"),
        (sa.MetaData, "reflect"),
        (sa.Table, "create"),
        (sa.Table, "drop"),
        (schema.Index, "create"),
        (schema.Index, "drop"),
    ):
        setattr(kind, name, _with_bind(getattr(kind, name)))
    table: Any = sa.Table
    make = table._new.__func__  # noqa: SLF001 - where Table() takes its arguments

    @functools.wraps(make)
    def make_table(cls: Any, *arguments: Any, **options: Any) -> Any:
        if options.pop("autoload", False) and options.get("autoload_with") is None:
            bind = arguments[1].info.get(_BIND) if len(arguments) > 1 else None
            if bind is not None:
                options["autoload_with"] = bind
        return make(cls, *arguments, **options)

    table._new = classmethod(make_table)  # noqa: SLF001 - as above


def _with_bind(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def call(self: Any, bind: Any = None, *arguments: Any, **options: Any) -> Any:
        if bind is None:
            metadata = (
                self if isinstance(self, sa.MetaData) else getattr(getattr(self, "table", self), "metadata", None)
            )
            bind = metadata.info.get(_BIND) if metadata is not None else None
        return method(self, bind, *arguments, **options)

    return call


def _lists_of_columns() -> None:
    select = expression.select

    @functools.wraps(select)
    def select_list(*columns: Any, **options: Any) -> Any:
        if len(columns) not in (1, 2) or not isinstance(columns[0], list | tuple):
            return select(*columns, **options)
        where = options.pop("whereclause", columns[1] if len(columns) == 2 else None)
        made = select(*columns[0])
        return made if where is None else made.where(where)

    case = expression.case

    @functools.wraps(case)
    def case_list(*whens: Any, **options: Any) -> Any:
        return case(*whens[0], **options) if len(whens) == 1 and isinstance(whens[0], list) else case(*whens, **options)

    for module in (sa, sa.sql, expression, sa.future):
        for name, replacement in (("select", select_list), ("case", case_list)):
            if hasattr(module, name):
                setattr(module, name, replacement)


def _engines_that_execute() -> None:
    def execute(self: Engine, statement: Any, *arguments: Any, **options: Any) -> Result[Any]:
        connection = self.connect().execution_options(isolation_level="AUTOCOMMIT")
        return connection.execute(statement, *arguments, **options)

    def has_table(self: Any, name: str, schema: str | None = None) -> bool:
        return bool(sa.inspect(self).has_table(name, schema))

    for kind in (Engine, Connection):
        if not hasattr(kind, "has_table"):
            kind.has_table = has_table  # type: ignore[union-attr]
    if not hasattr(Engine, "execute"):
        Engine.execute = execute  # type: ignore[attr-defined]


def _unmapped_annotations() -> None:
    generate = orm_registry.generate_base

    @functools.wraps(generate)
    def generate_base(self: orm_registry, *arguments: Any, **options: Any) -> Any:
        base = generate(self, *arguments, **options)
        if not hasattr(base, "__allow_unmapped__"):
            base.__allow_unmapped__ = True
        return base

    orm_registry.generate_base = generate_base  # type: ignore[method-assign]
