"""Objects that are neither tables nor types: whether one exists, and the server's words when it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.builtins import builtins
from sluicegate.catalog.model import SqlType
from sluicegate.catalog.replay.others import WORDS, name_of
from sluicegate.catalog.types import display, find_type, written
from sluicegate.statements.nodes import qualified, string, strings, unwrap

if TYPE_CHECKING:
    from sluicegate.catalog.model import Function
    from sluicegate.effects.context import Context

_FUNCTION_WORDS = {
    pg.OBJECT_FUNCTION: "function",
    pg.OBJECT_PROCEDURE: "procedure",
    pg.OBJECT_ROUTINE: "routine",
    pg.OBJECT_AGGREGATE: "aggregate",
}
# What a cluster is asked for that no migration of ours has created: its absence cannot be told from the schema.
_CLUSTER_WIDE = {pg.OBJECT_DATABASE: "database", pg.OBJECT_ROLE: "role", pg.OBJECT_TABLESPACE: "tablespace"}
_BY_NAME = {**WORDS, pg.OBJECT_PUBLICATION: "publication", pg.OBJECT_EXTENSION: "extension"}
_TEXT_SEARCH = frozenset(
    {"simple", "default", "english", "arabic", "armenian", "basque", "catalan", "danish", "dutch", "estonian"}
    | {"finnish", "french", "german", "greek", "hindi", "hungarian", "indonesian", "irish", "italian", "lithuanian"}
    | {"nepali", "norwegian", "portuguese", "romanian", "russian", "serbian", "spanish", "swedish", "tamil", "turkish"}
    | {"yiddish", "ispell", "snowball", "synonym", "thesaurus"}
)
LANGUAGES = frozenset({"sql", "c", "internal", "plpgsql"})
"""Languages of every database (``plpgsql`` is created by initdb)."""


def find_function(context: Context, item: Any, kind: int, *, missing_ok: bool = False) -> Function | None:
    """Return the user's function that an ``ObjectWithArgs`` means.

    None means that it is absent and may be, that it is built in, or that the statement is refused.

    Raises:
        Refused: it does not exist (42883), is another kind of routine (42809), or its name is ambiguous (42725).
    """
    target = unwrap(item)
    word = _FUNCTION_WORDS.get(kind, "function")
    schema, base = qualified(target.objname)
    candidates = context.functions(target.objname)
    if target.args_unspecified:
        if len(candidates) > 1:
            context.absent("42725", f'{word} name "{base}" is not unique')
        if not candidates and not builtins(context.version).functions(base) and not missing_ok:
            context.absent("42883", f'could not find a {word} named "{_dotted(schema, base)}"')
        return _of_kind(context, candidates[0], kind, word) if candidates else None
    wanted = [_argument(context, argument) for argument in target.objargs]
    if any(sql_type is None for sql_type in wanted):
        missing = next(a for a, t in zip(target.objargs, wanted, strict=True) if t is None)
        if not missing_ok:
            context.absent("42704", f'type "{written(unwrap(missing))}" does not exist')
        return None
    for candidate in candidates:
        if [_plain(argument) for argument in candidate.argument_types] == wanted:
            return _of_kind(context, candidate, kind, word)
    if builtins(context.version).functions(base) and schema in (None, "pg_catalog") and not candidates:
        return None
    if not missing_ok:
        shown = ", ".join(display(sql_type) for sql_type in wanted if sql_type is not None)
        context.absent("42883", f"{word} {_dotted(schema, base)}({shown}) does not exist")
    return None


def _of_kind(context: Context, function: Function, kind: int, word: str) -> Function | None:
    fits = {
        pg.OBJECT_FUNCTION: function.kind in {"function", "window"},
        pg.OBJECT_PROCEDURE: function.kind == "procedure",
        pg.OBJECT_AGGREGATE: function.kind == "aggregate",
    }.get(kind, True)
    if not fits:
        arguments = ", ".join(display(argument) for argument in function.argument_types)
        article = "an" if word == "aggregate" else "a"
        context.builder.refuse("42809", f"{function.name.name}({arguments}) is not {article} {word}")
        return None
    return function


def _argument(context: Context, node: Any) -> SqlType | None:
    found = find_type(unwrap(node), context.catalog, context.search_path)
    return None if found is None else _plain(found)


def _plain(sql_type: SqlType) -> SqlType:
    return SqlType(sql_type.name, array=sql_type.array)


def _dotted(schema: str | None, base: str) -> str:
    return f"{schema}.{base}" if schema else base


def require_object(context: Context, kind: int, item: Any, *, missing_ok: bool = False, dropping: bool = False) -> None:
    """Refuse when an object that is neither table, type nor function does not exist; note what cannot be known."""
    known = _exists(context, kind, item)
    if known is True:
        if dropping:
            _refuse_pinned(context, kind, item)
        return
    if known is None:
        context.builder.unknown(f"whether the {_word(kind)} exists is not part of the schema")
        return
    if not missing_ok:
        sqlstate = "42883" if kind == pg.OBJECT_OPERATOR else "42704"
        context.absent(sqlstate, f"{_subject(context, kind, item)} does not exist{_for_method(kind, item)}")


def _refuse_pinned(context: Context, kind: int, item: Any) -> None:
    """Refuse to drop what the server or an extension needs."""
    if kind in WORDS and (WORDS[kind], name_of(item)) in context.catalog.others:
        return
    if kind in {pg.OBJECT_ACCESS_METHOD, pg.OBJECT_OPERATOR, pg.OBJECT_OPCLASS, pg.OBJECT_OPFAMILY, pg.OBJECT_CAST}:
        context.builder.refuse(
            "2BP01", f"cannot drop {_subject(context, kind, item)} because extension vector requires it"
        )
    elif kind == pg.OBJECT_LANGUAGE:
        context.builder.refuse("2BP01", "cannot drop language plpgsql because extension plpgsql requires it")
    elif kind == pg.OBJECT_COLLATION:
        context.builder.refuse(
            "2BP01", f"cannot drop {_subject(context, kind, item)} because it is required by the database system"
        )


def _exists(context: Context, kind: int, item: Any) -> bool | None:
    """Tell whether an object exists; None when the schema does not say."""
    tables = builtins(context.version)
    vector = "vector" in context.catalog.extensions
    if kind in WORDS and (WORDS[kind], name_of(item)) in context.catalog.others:
        return True
    match kind:
        case pg.OBJECT_ACCESS_METHOD:
            name = string(item)
            return name in tables.access_methods and (vector or name not in {"hnsw", "ivfflat"})
        case pg.OBJECT_LANGUAGE:
            return string(item) in LANGUAGES
        case pg.OBJECT_COLLATION:
            return qualified(item)[1] in tables.collations
        case pg.OBJECT_OPCLASS | pg.OBJECT_OPFAMILY:
            names = strings(unwrap(item).items)
            return any(
                found.method == names[0]
                and names[-1] in (found.name, found.family)
                and (vector or not found.from_vector)
                for found in tables.operator_classes
            )
        case pg.OBJECT_OPERATOR:
            return _operator_exists(context, unwrap(item))
        case pg.OBJECT_CAST:
            return _cast_exists(context, unwrap(item))
        case pg.OBJECT_PUBLICATION:
            return string(item) in context.catalog.publications
        case pg.OBJECT_EXTENSION:
            return string(item) in context.catalog.extensions
        case pg.OBJECT_TSCONFIGURATION | pg.OBJECT_TSDICTIONARY | pg.OBJECT_TSPARSER | pg.OBJECT_TSTEMPLATE:
            # initdb's are for some thirty languages; one that nobody created here may be any of them.
            return None if name_of(item).split("_")[0] in _TEXT_SEARCH else False
        case _ if kind in WORDS:
            return False
        case _:
            return None


def _operator_exists(context: Context, target: Any) -> bool:
    _, name = qualified(target.objname)
    return bool(builtins(context.version).operators(name))


def _cast_exists(context: Context, target: Any) -> bool:
    from sluicegate.catalog.types import key_of

    ends = [find_type(unwrap(part), context.catalog, context.search_path) for part in target.items]
    keys = [key_of(end, context.catalog) if end is not None else None for end in ends]
    return (keys[0], keys[1]) in builtins(context.version).casts


def _word(kind: int) -> str:
    return _BY_NAME.get(kind) or _CLUSTER_WIDE.get(kind) or "object"


def _subject(context: Context, kind: int, item: Any) -> str:
    match kind:
        case pg.OBJECT_CAST:
            source, target = (find_type(unwrap(p), context.catalog, context.search_path) for p in unwrap(item).items)
            return f"cast from type {display(source) if source else '?'} to type {display(target) if target else '?'}"
        case pg.OBJECT_OPERATOR:
            names = qualified(unwrap(item).objname)
            arguments = [find_type(unwrap(a), context.catalog, context.search_path) for a in unwrap(item).objargs]
            shown = ", ".join(display(argument) if argument else "?" for argument in arguments)
            return f"operator {names[1]}({shown})" if not shown else f"operator does not exist: {names[1]}"
        case pg.OBJECT_OPCLASS | pg.OBJECT_OPFAMILY:
            word = "operator class" if kind == pg.OBJECT_OPCLASS else "operator family"
            return f'{word} "{strings(unwrap(item).items)[-1]}"'
        case _:
            return f'{_word(kind)} "{_name(item)}"'


def _for_method(kind: int, item: Any) -> str:
    if kind in {pg.OBJECT_OPCLASS, pg.OBJECT_OPFAMILY}:
        return f' for access method "{strings(unwrap(item).items)[0]}"'
    return ""


def _name(item: Any) -> str:
    inner = unwrap(item)
    if isinstance(inner, pg.String):
        return string(inner)
    return _dotted(*qualified(item))


def require_named(context: Context, word: str, name: str) -> None:
    """Refuse an object of a kind that only its own CREATE statement makes, or note that it is not known."""
    if (word, name) not in context.catalog.others:
        context.absent("42704", f'{word} "{name}" does not exist')
