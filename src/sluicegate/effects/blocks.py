"""DO, CALL and the bodies of functions that run: the effects of the statements inside, as far as they are known."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.replay import apply
from sluicegate.effects.context import Builder, Refused
from sluicegate.effects.model import MAY_NOT_RUN, Effects, InTransaction
from sluicegate.effects.objects import LANGUAGES
from sluicegate.effects.queries import QueryReader
from sluicegate.errors import ParseError
from sluicegate.statements.nodes import qualified
from sluicegate.statements.parse import parse_script
from sluicegate.statements.plpgsql import Sort, body_of, embedded_sql
from sluicegate.statements.plpgsql_check import compile_error

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sluicegate.catalog.model import Function, Relation
    from sluicegate.effects.context import Context
    from sluicegate.statements.parse import Statement
    from sluicegate.statements.plpgsql import Embedded

_MAX_CALLS = 16


def predict_blocks(context: Context, node: Any) -> Effects:
    """Predict DO and CALL."""
    if isinstance(node, pg.CallStmt):
        _call(context, node)
        return context.builder.finish()
    found = body_of(node)
    if found is None:
        raise Refused("42601", "no inline code specified")
    language, body = found
    if language not in LANGUAGES:
        context.absent("42704", f'language "{language}" does not exist')
    if language != "plpgsql":
        raise Refused("0A000", f'language "{language}" does not support inline code execution')
    wrong = compile_error(context.statement.sql)
    if wrong is not None:
        raise Refused(*wrong)
    try:
        pieces = embedded_sql(body)
    except ParseError as error:
        context.builder.unknown(f"the block's PL/pgSQL could not be read: {error.message}")
        return context.builder.finish()
    _run_block(context, pieces, body, "the block")
    return context.builder.finish()


def _call(context: Context, node: Any) -> None:
    call = node.funccall
    _, name = qualified(call.funcname)
    procedures = [function for function in context.functions(call.funcname) if function.kind == "procedure"]
    reader = QueryReader(context)
    for argument in call.args:
        select = pg.SelectStmt(limit_option=pg.LIMIT_OPTION_DEFAULT, op=pg.SETOP_NONE)
        select.target_list.add().res_target.val.CopyFrom(argument)
        reader.query(select)
    if not procedures:
        if context.functions(call.funcname):
            raise Refused("42809", f"{name}() is not a procedure")
        context.absent("42883", f"procedure {name}() does not exist")
    for function in procedures:
        if len(function.argument_types) - function.defaults <= len(call.args) <= len(function.argument_types):
            note_function(context, function)
            return
    if procedures and not any(function.variadic or function.outputs for function in procedures):
        context.absent("42883", f"procedure {name}() does not exist")


def note_function(context: Context, function: Function, *, trigger_on: Relation | None = None) -> None:
    """Note what running a function's body does, once a statement calls it or a trigger fires it."""
    label = f"{function.kind} {function.name}"
    if function.extension is not None or label in context.calling:
        return
    if len(context.calling) >= _MAX_CALLS:
        context.builder.unknown(f"what {label} does is not followed so deeply")
        return
    inside = replace(context, calling=(*context.calling, label))
    if trigger_on is not None and function.language == "plpgsql" and "tg_" in function.body.lower():
        inside = replace(inside, variables=True)
    match function.language:
        case "plpgsql":
            try:
                pieces = embedded_sql(function.body)
            except ParseError as error:
                context.builder.unknown(f"{label} could not be read: {error.message}")
                return
            _run_block(inside, pieces, function.body, label)
        case "sql":
            try:
                statements = parse_script(function.body)
            except ParseError as error:
                context.builder.unknown(f"{label} could not be read: {error.message}")
                return
            _run(replace(inside, variables=True), ((statement, False) for statement in statements), label)
        case "internal" | "c":
            return
        case language:
            context.builder.unknown(f"what {label}, written in {language}, does is not known")


def _run_block(context: Context, pieces: Iterable[Embedded], body: str, label: str) -> None:
    caught = "exception" in body.lower() and "when" in body.lower().partition("exception")[2]
    known: list[tuple[Statement, bool]] = []
    ended = ""
    for piece in pieces:
        if piece.sort is Sort.RAISE:
            if not (piece.conditional or caught):
                ended = piece.sql
                break
        elif piece.statement is None:
            context.builder.unknown(piece.unknown)
        else:
            known.append((piece.statement, piece.conditional or caught))
    _run(replace(context, variables=True), known, label)
    if ended:
        raise Refused(ended, f"{label} raises an exception whenever it runs")


def _run(context: Context, statements: Iterable[tuple[Statement, bool]], label: str) -> None:
    """Note the effects of statements that run one after the other, each over the schema that the last one left.

    A statement that may not run counts as if it did, but its errors do not, and neither counts as certain.
    """
    catalog = context.catalog
    existing = {str(name) for name in (*catalog.relations, *catalog.indexes)}
    for statement, uncertain in statements:
        effects = _one(
            replace(context, statement=statement, builder=Builder(catalog, context.session), catalog=catalog)
        )
        if effects.in_transaction is InTransaction.FORBIDDEN and not uncertain:
            context.builder.forbid_in_transaction(_command(statement))
            raise Refused("25001", f"{_command(statement)} cannot be executed from a function")
        if effects.error is not None:
            if not uncertain:
                raise Refused(effects.error.sqlstate, effects.error.message)
            context.builder.unknown(f"{label} may run into: {effects.error.message}")
            continue
        if uncertain and not _idle(effects):
            context.builder.unknown(f"whether {label} runs {_shown(statement)} {MAY_NOT_RUN}")
        made_here = {str(name) for name in (*catalog.relations, *catalog.indexes)} - existing
        context.builder.include(_without(effects, made_here))
        catalog = apply(statement, catalog, context.session)


def _one(context: Context) -> Effects:
    from sluicegate.effects.predict import predict_in

    return predict_in(context, context.statement.kind, context.statement.node)


def _idle(effects: Effects) -> bool:
    return not (effects.locks or effects.losses or effects.unknowns)


def _without(effects: Effects, names: set[str]) -> Effects:
    """Return effects without relations that a statement before in the block made."""
    return replace(
        effects,
        locks={name: mode for name, mode in effects.locks.items() if name not in names},
        index_locks={name: mode for name, mode in effects.index_locks.items() if name not in names},
        rewrites=effects.rewrites - names,
        scans=effects.scans - names,
        index_builds=effects.index_builds - names,
    )


def _command(statement: Statement) -> str:
    words = statement.sql.split()
    return " ".join(words[: 3 if "CONCURRENTLY" in statement.sql.upper() else 1]).upper()


def _shown(statement: Statement) -> str:
    text = " ".join(statement.sql.split())
    return text if len(text) <= 60 else f"{text[:57]}…"
