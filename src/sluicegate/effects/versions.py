"""Grammar that a server does not know yet: the parser speaks PostgreSQL 18, the server may be older.

Source: the release notes of PostgreSQL 15 to 18, and the grammars (gram.y) of each.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.effects.model import Refusal
from sluicegate.statements.nodes import messages, strings, unwrap
from sluicegate.statements.parse import GRAMMAR_VERSION
from sluicegate.statements.tokens import COMMENTS, scan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sluicegate.statements.parse import Statement

Newer = tuple[int, str]
"""The first version that knows the syntax, and the word at which an older one stops.

What ends in ``()`` an older version takes for a call of a function, which it does not have; words with blanks
between them are what an older version says of syntax that it reads and does not support."""

# What a constraint's attributes can stand behind, so that the word is no name.
_BEFORE_ATTRIBUTES = frozenset(
    {pg.ASCII_41, pg.VALID, pg.DEFERRABLE, pg.DEFERRED, pg.IMMEDIATE, pg.CASCADE, pg.RESTRICT, pg.INHERIT}
)


def newer_syntax(statement: Statement, version: int) -> Refusal | None:
    """Return the syntax error with which a server of this version rejects the statement, or None."""
    if version >= GRAMMAR_VERSION:
        return None
    if version < 18 and _says_enforced(statement.sql):
        return Refusal("42601", 'syntax error at or near "ENFORCED"')
    for message in messages(statement.node):
        check = _CHECKS.get(type(message))
        if check is None:
            continue
        for since, word in check(message):
            if version < since:
                if " " in word:
                    return Refusal("0A000", word)
                if word.endswith("()"):
                    return Refusal("42883", f"function {word[:-1]}…) does not exist")
                return Refusal("42601", f'syntax error at or near "{word}"')
    return None


def _says_enforced(sql: str) -> bool:
    """Tell whether a constraint is written out as ENFORCED, which the tree does not tell from the default."""
    if "enforced" not in sql.lower():
        return False
    tokens = [token for token in scan(sql) if token.kind not in COMMENTS]
    return any(token.kind == pg.ENFORCED and before.kind in _BEFORE_ATTRIBUTES for before, token in pairwise(tokens))


def _constraint(node: Any) -> Iterator[Newer]:
    if node.contype == pg.CONSTR_GENERATED and node.generated_kind == "v":
        yield 18, "VIRTUAL"
    if node.contype in {pg.CONSTR_ATTR_ENFORCED, pg.CONSTR_ATTR_NOT_ENFORCED}:
        yield 18, "ENFORCED"
    if node.contype in {pg.CONSTR_CHECK, pg.CONSTR_FOREIGN} and not node.is_enforced:
        yield 18, "ENFORCED"
    if node.contype == pg.CONSTR_NOTNULL and (node.is_no_inherit or node.skip_validation):
        yield 18, "NO" if node.is_no_inherit else "VALID"
    if node.without_overlaps:
        yield 18, "WITHOUT"
    if node.fk_with_period or node.pk_with_period:
        yield 18, "PERIOD"
    if node.nulls_not_distinct:
        yield 15, "NULLS"
    if node.fk_del_set_cols:
        yield 15, "("


def _table_constraints(node: Any) -> Iterator[Newer]:
    for element in node.table_elts:
        inner = unwrap(element)
        if isinstance(inner, pg.Constraint) and inner.contype == pg.CONSTR_NOTNULL:
            yield 18, "NOT"


def _alter_table_command(node: Any) -> Iterator[Newer]:
    definition = unwrap(getattr(node, "def")) if node.HasField("def") else None
    match node.subtype:
        case pg.AT_AddConstraint if definition is not None and definition.contype == pg.CONSTR_NOTNULL:
            yield 18, "NOT"
        case pg.AT_AlterConstraint if definition is not None:
            if definition.alter_enforceability:
                yield 18, "ENFORCED"
            if definition.alter_inheritability:
                marked = "FOREIGN KEY constraints cannot be marked NO INHERIT"
                yield 18, marked if definition.noinherit else "INHERIT"
        case pg.AT_SetExpression:
            yield 17, "EXPRESSION"
        case pg.AT_SetAccessMethod:
            yield (17, "DEFAULT") if not node.name else (15, "ACCESS")
        case pg.AT_SetStatistics if definition is None:
            yield 17, "DEFAULT"
        case pg.AT_SetStorage if definition is not None and definition.sval.lower() == "default":
            yield 16, "DEFAULT"


def _alter_domain(node: Any) -> Iterator[Newer]:
    definition = unwrap(getattr(node, "def")) if node.HasField("def") else None
    if node.subtype == "C" and isinstance(definition, pg.Constraint) and definition.contype == pg.CONSTR_NOTNULL:
        yield 17, "NOT"


def _column(node: Any) -> Iterator[Newer]:
    if node.storage_name:
        yield 16, "STORAGE"


def _merge(node: Any) -> Iterator[Newer]:
    yield 15, "MERGE"
    if node.HasField("returning_clause"):
        yield 17, "RETURNING"


def _merge_clause(node: Any) -> Iterator[Newer]:
    if node.match_kind == pg.MERGE_WHEN_NOT_MATCHED_BY_SOURCE:
        yield 17, "BY"


def _returning(node: Any) -> Iterator[Newer]:
    if node.options:
        yield 18, "("


def _index(node: Any) -> Iterator[Newer]:
    if node.nulls_not_distinct:
        yield 15, "NULLS"


def _subselect(node: Any) -> Iterator[Newer]:
    if not node.HasField("alias"):
        yield 16, "("


def _statistics(node: Any) -> Iterator[Newer]:
    if not node.defnames:
        yield 16, "ON"


def _vacuum_relation(node: Any) -> Iterator[Newer]:
    if node.HasField("relation") and not node.relation.inh:
        yield 18, "ONLY"


def _reindex(node: Any) -> Iterator[Newer]:
    if node.kind in {pg.REINDEX_OBJECT_DATABASE, pg.REINDEX_OBJECT_SYSTEM} and not node.name:
        yield 16, ";"


def _grant(node: Any) -> Iterator[Newer]:
    if any(item.access_priv.priv_name == "maintain" for item in node.privileges):
        yield 17, "MAINTAIN"
    if node.objtype == pg.OBJECT_PARAMETER_ACL:
        yield 15, "PARAMETER"
    if node.objtype == pg.OBJECT_LARGEOBJECT and node.targtype == pg.ACL_TARGET_DEFAULTS:
        yield 18, "LARGE"


def _grant_role(node: Any) -> Iterator[Newer]:
    if any(item.def_elem.defname in {"inherit", "set"} for item in node.opt):
        yield 16, "INHERIT"


def _publication_object(node: Any) -> Iterator[Newer]:
    if node.pubobjtype in {pg.PUBLICATIONOBJ_TABLES_IN_SCHEMA, pg.PUBLICATIONOBJ_TABLES_IN_CUR_SCHEMA}:
        yield 15, "TABLES"
    elif node.pubtable.columns or node.pubtable.HasField("where_clause"):
        yield 15, "("


def _foreign_table(node: Any) -> Iterator[Newer]:
    if any(isinstance(unwrap(element), pg.TableLikeClause) for element in node.base_stmt.table_elts):
        yield 18, "LIKE"


def _function_call(node: Any) -> Iterator[Newer]:
    if node.funcformat == pg.COERCE_SQL_SYNTAX and strings(node.funcname)[-1] == "timezone" and len(node.args) == 1:
        yield 17, "LOCAL"


_JSON_FUNCTIONS = {
    pg.JSON_EXISTS_OP: "json_exists()",
    pg.JSON_QUERY_OP: "json_query()",
    pg.JSON_VALUE_OP: "json_value()",
}


def _json_function(node: Any) -> Iterator[Newer]:
    plain = not (node.passing or node.HasField("output") or node.HasField("on_empty") or node.HasField("on_error"))
    yield 17, _JSON_FUNCTIONS.get(node.op, "json_query()") if plain else "("


def _json_serialize(node: Any) -> Iterator[Newer]:
    yield 17, "RETURNING" if node.HasField("output") else "json_serialize()"


def _json_parse(node: Any) -> Iterator[Newer]:
    # JSON('…') alone is a cast in function's clothes, which every version reads.
    if node.unique_keys or node.HasField("output"):
        yield 17, "WITH"


def _always(since: int, word: str) -> Callable[[Any], Iterator[Newer]]:
    def check(_node: Any) -> Iterator[Newer]:
        yield since, word

    return check


_CHECKS: dict[type, Callable[[Any], Iterator[Newer]]] = {
    pg.Constraint: _constraint,
    pg.CreateStmt: _table_constraints,
    pg.AlterTableCmd: _alter_table_command,
    pg.AlterDomainStmt: _alter_domain,
    pg.ColumnDef: _column,
    pg.MergeStmt: _merge,
    pg.MergeWhenClause: _merge_clause,
    pg.MergeSupportFunc: _always(17, "("),
    pg.ReturningClause: _returning,
    pg.IndexStmt: _index,
    pg.RangeSubselect: _subselect,
    pg.CreateStatsStmt: _statistics,
    pg.VacuumRelation: _vacuum_relation,
    pg.ReindexStmt: _reindex,
    pg.GrantStmt: _grant,
    pg.GrantRoleStmt: _grant_role,
    pg.PublicationObjSpec: _publication_object,
    pg.CreateForeignTableStmt: _foreign_table,
    pg.FuncCall: _function_call,
    pg.JsonObjectConstructor: _always(16, ":"),
    pg.JsonArrayConstructor: _always(16, "JSON_ARRAY"),
    pg.JsonArrayQueryConstructor: _always(16, "SELECT"),
    pg.JsonIsPredicate: _always(16, "JSON"),
    pg.JsonParseExpr: _json_parse,
    pg.JsonScalarExpr: _always(17, "json_scalar()"),
    pg.JsonSerializeExpr: _json_serialize,
    pg.JsonFuncExpr: _json_function,
    pg.JsonTable: _always(17, "COLUMNS"),
}
