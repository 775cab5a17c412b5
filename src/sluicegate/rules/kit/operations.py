"""The schema operations that remedies are made of, spelled as Alembic calls and as SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.rules.kit.alembic_types import alembic_type
from sluicegate.rules.kit.remedy import Code, Revision, call, execute, outside_transaction, python_string
from sluicegate.rules.kit.spelling import expression_sql, identifier, literal, qualified_identifier, type_sql
from sluicegate.statements.nodes import option_texts

if TYPE_CHECKING:
    from sluicegate.catalog.model import Name

DEFAULT_SCHEMA = "public"


_NAME_LENGTH = 63  # NAMEDATALEN - 1


def table_sql(table: Name) -> str:
    """Return a table's name as SQL, without its schema where that is ``public``."""
    return qualified_identifier(None if table.schema == DEFAULT_SCHEMA else table.schema, table.name)


def add_column(table: Name, column: str, type_name: Any) -> Code:
    """Add a nullable column without a default."""
    sql = f"ALTER TABLE {table_sql(table)} ADD COLUMN {identifier(column)} {type_sql(type_name)}"
    python_type = alembic_type(type_name)
    if python_type is None:
        return execute(sql)
    arguments = [python_string(table.name), f"sa.Column({python_string(column)}, {python_type})", *_schema(table)]
    return Code(call("op.add_column", arguments), f"{sql};")


def set_default(table: Name, column: str, default: Any) -> Code:
    """Give future rows a default."""
    text = expression_sql(default)
    arguments = [python_string(table.name), python_string(column), f"server_default=sa.text({python_string(text)})"]
    return Code(
        call("op.alter_column", [*arguments, *_schema(table)]),
        f"ALTER TABLE {table_sql(table)} ALTER COLUMN {identifier(column)} SET DEFAULT {text};",
    )


def set_not_null(table: Name, column: str) -> Code:
    """Mark a column NOT NULL."""
    arguments = [python_string(table.name), python_string(column), "nullable=False", *_schema(table)]
    return Code(
        call("op.alter_column", arguments),
        f"ALTER TABLE {table_sql(table)} ALTER COLUMN {identifier(column)} SET NOT NULL;",
    )


def not_null_by_check(table: Name, column: str) -> tuple[Code, ...]:
    """Mark a column NOT NULL without reading the table under a lock: by a CHECK that is validated first.

    PostgreSQL 12 and later skip the scan when a validated CHECK proves it (manual, ALTER TABLE, SET NOT NULL).
    """
    check = f"{table.name}_{column}_not_null"
    return (
        add_check_not_valid(table, check, f"{identifier(column)} IS NOT NULL"),
        validate(table, check),
        set_not_null(table, column),
        drop_constraint(table, check, "check"),
    )


def drop_table(table: Name) -> Code:
    """Drop a table."""
    return Code(call("op.drop_table", [python_string(table.name), *_schema(table)]), f"DROP TABLE {table_sql(table)};")


def rename_table(table: Name, new: str) -> Code:
    """Rename a table."""
    return Code(
        call("op.rename_table", [python_string(table.name), python_string(new), *_schema(table)]),
        f"ALTER TABLE {table_sql(table)} RENAME TO {identifier(new)};",
    )


def drop_column(table: Name, column: str) -> Code:
    """Drop a column."""
    return Code(
        call("op.drop_column", [python_string(table.name), python_string(column), *_schema(table)]),
        f"ALTER TABLE {table_sql(table)} DROP COLUMN {identifier(column)};",
    )


def add_check_not_valid(table: Name, name: str, condition: str) -> Code:
    """Add a CHECK that holds for new rows at once and for old rows when it is validated."""
    arguments = [python_string(name), python_string(table.name), python_string(condition)]
    return Code(
        call("op.create_check_constraint", [*arguments, "postgresql_not_valid=True", *_schema(table)]),
        f"ALTER TABLE {table_sql(table)} ADD CONSTRAINT {identifier(name)} CHECK ({condition}) NOT VALID;",
    )


def add_foreign_key_not_valid(table: Name, constraint: Any, name: str, columns: list[str], target: Name) -> Code:
    """Add a foreign key that holds for new rows at once and for old rows when it is validated.

    ``constraint`` is the parse tree whose actions are kept; ``name`` and ``columns`` stand beside it because an inline
    REFERENCES has neither.
    """
    referenced = [key.string.sval for key in constraint.pk_attrs]
    sql = (
        f"ALTER TABLE {table_sql(table)} ADD CONSTRAINT {identifier(name)} "
        f"FOREIGN KEY ({', '.join(map(identifier, columns))}) REFERENCES {table_sql(target)}"
    )
    if referenced:
        sql += f" ({', '.join(map(identifier, referenced))})"
    actions = {"c": "CASCADE", "n": "SET NULL", "d": "SET DEFAULT", "r": "RESTRICT"}
    on_delete, on_update = actions.get(constraint.fk_del_action), actions.get(constraint.fk_upd_action)
    sql += (f" ON DELETE {on_delete}" if on_delete else "") + (f" ON UPDATE {on_update}" if on_update else "")
    sql += " NOT VALID"
    if not referenced:
        return execute(sql)  # Alembic wants the referenced columns named
    arguments = [
        *(python_string(name), python_string(table.name), python_string(target.name)),
        *(_strings(columns), _strings(referenced)),
        *([f"ondelete={python_string(on_delete)}"] if on_delete else []),
        *([f"onupdate={python_string(on_update)}"] if on_update else []),
        *([f"source_schema={python_string(table.schema)}"] if table.schema != DEFAULT_SCHEMA else []),
        *([f"referent_schema={python_string(target.schema)}"] if target.schema != DEFAULT_SCHEMA else []),
        "postgresql_not_valid=True",
    ]
    return Code(call("op.create_foreign_key", arguments), f"{sql};")


def constraint_using_index(table: Name, name: str, columns: list[str], kind: str) -> tuple[Code, Code]:
    """Build a unique index concurrently and turn it into a constraint (``UNIQUE`` or ``PRIMARY KEY``)."""
    attach = f"ALTER TABLE {table_sql(table)} ADD CONSTRAINT {identifier(name)} {kind} USING INDEX {identifier(name)}"
    return index_concurrently(table, name, columns, unique=True), execute(attach)


def validate(table: Name, constraint: str) -> Code:
    """Check old rows against a constraint while reads and writes go on; in a transaction of its own."""
    return outside_transaction(execute(f"ALTER TABLE {table_sql(table)} VALIDATE CONSTRAINT {identifier(constraint)}"))


def drop_constraint(table: Name, constraint: str, kind: str) -> Code:
    """Drop a constraint; ``kind`` is Alembic's word (``check``, ``foreignkey``, ``unique``, ``primary``)."""
    arguments = [python_string(constraint), python_string(table.name), f"type_={python_string(kind)}"]
    return Code(
        call("op.drop_constraint", [*arguments, *_schema(table)]),
        f"ALTER TABLE {table_sql(table)} DROP CONSTRAINT {identifier(constraint)};",
    )


def create_index_concurrently(statement: Any, name: str, table: Name) -> Code:
    """Build the index of an ``IndexStmt`` without blocking writes."""
    return outside_transaction(create_index(statement, name, table, concurrently=True))


def create_index(statement: Any, name: str, table: Name, *, concurrently: bool = False) -> Code:
    """Build the index of an ``IndexStmt``."""
    node = pg.IndexStmt()
    node.CopyFrom(statement)
    node.concurrent, node.idxname, node.if_not_exists = concurrently, name, False
    sql = expression_sql(node).replace(" USING btree", "")
    alembic = _create_index_call(node, name, table)
    return Code(alembic, f"{sql};") if alembic else execute(sql)


def index_partitions(statement: Any, name: str, table: Name, partitions: tuple[Name, ...]) -> tuple[Revision, ...]:
    """Build the index of an ``IndexStmt`` on a partitioned table without blocking writes, partition by partition."""
    names = {partition: f"{partition.name}_{name}"[:_NAME_LENGTH] for partition in partitions}
    builds, parent = [], pg.IndexStmt()
    parent.CopyFrom(statement)
    parent.relation.inh, parent.idxname, parent.concurrent = False, name, False
    for partition, own in names.items():
        node = pg.IndexStmt()
        node.CopyFrom(statement)
        node.relation.schemaname = "" if partition.schema == "public" else partition.schema
        node.relation.relname, node.idxname, node.concurrent = partition.name, own, True
        builds.append(execute(expression_sql(node).replace(" USING btree", "")))
    whole = qualified_identifier(None if table.schema == "public" else table.schema, name)
    attach = [
        execute(
            f"ALTER INDEX {whole} ATTACH PARTITION "
            f"{qualified_identifier(None if partition.schema == 'public' else partition.schema, own)}"
        )
        for partition, own in names.items()
    ]
    return (
        Revision(
            "this revision: the index of the parent alone",
            (execute(expression_sql(parent).replace(" USING btree", "")),),
        ),
        Revision("a revision of its own: each partition", (outside_transaction(*builds),)),
        Revision("a later one: the index is valid once all are attached", tuple(attach)),
    )


def index_concurrently(table: Name, name: str, columns: list[str], *, unique: bool = False) -> Code:
    """Build a plain index without blocking writes."""
    keys = ", ".join(map(identifier, columns))
    arguments = [
        *(python_string(name), python_string(table.name), _strings(columns)),
        *(["unique=True"] if unique else []),
        *_schema(table),
        "postgresql_concurrently=True",
    ]
    kind = "UNIQUE INDEX" if unique else "INDEX"
    sql = f"CREATE {kind} CONCURRENTLY {identifier(name)} ON {table_sql(table)} ({keys});"
    return outside_transaction(Code(call("op.create_index", arguments), sql))


def as_method(statement: Any, method: str, column: str = "", operator_class: str = "") -> Any:
    """Return an ``IndexStmt`` for another access method, over one column where one is given, without its options."""
    node = pg.IndexStmt()
    node.CopyFrom(statement)
    node.access_method = method
    del node.options[:]
    if column:
        del node.index_params[:]
        element = node.index_params.add().index_elem
        element.name = column
        element.opclass.add().string.sval = operator_class
    return node


def reindex_concurrently(statement: Any) -> Code:
    """Build an index again while reads and writes go on."""
    node = pg.ReindexStmt()
    node.CopyFrom(statement)
    node.params.add().def_elem.defname = "concurrently"
    return outside_transaction(execute(expression_sql(node)))


def _create_index_call(node: Any, name: str, table: Name) -> str | None:
    """Return ``op.create_index(...)``, or None when something in the index has no Alembic spelling."""
    keys, classes = [], {}
    for param in node.index_params:
        element = param.index_elem
        if element.ordering > 1 or element.nulls_ordering > 1 or element.collation or element.opclassopts:
            return None
        if element.name:
            keys.append(python_string(element.name))
        elif element.opclass:
            return None  # Alembic loses the operator class of an expression (sqlalchemy/alembic #1603)
        else:
            keys.append(f"sa.text({python_string(expression_sql(element.expr))})")
        if element.opclass:
            classes[element.name] = ".".join(part.string.sval for part in element.opclass)
    arguments = [python_string(name), python_string(table.name), f"[{', '.join(keys)}]"]
    arguments += ["unique=True"] if node.unique else []
    arguments += _schema(table)
    if node.access_method not in ("", "btree"):
        arguments.append(f"postgresql_using={python_string(node.access_method)}")
    if classes:
        pairs = ", ".join(f"{python_string(key)}: {python_string(value)}" for key, value in classes.items())
        arguments.append(f"postgresql_ops={{{pairs}}}")
    if node.options:
        values = option_texts(node.options)
        if not all(value.replace(".", "").isdigit() for value in values.values()):
            return None
        pairs = ", ".join(f"{python_string(key)}: {value}" for key, value in values.items())
        arguments.append(f"postgresql_with={{{pairs}}}")
    if node.index_including_params:
        names = [param.index_elem.name for param in node.index_including_params]
        arguments.append(f"postgresql_include={_strings(names)}")
    if node.HasField("where_clause"):
        arguments.append(f"postgresql_where=sa.text({python_string(expression_sql(node.where_clause))})")
    if node.nulls_not_distinct or node.table_space:
        return None
    if node.concurrent:
        arguments.append("postgresql_concurrently=True")
    return call("op.create_index", arguments)


def drop_index_concurrently(schema: str, name: str, table: Name | None) -> Code:
    """Drop an index without stopping reads or writes of its table."""
    qualified = qualified_identifier(None if schema == DEFAULT_SCHEMA else schema, name)
    arguments = [python_string(name)]
    arguments += [f"table_name={python_string(table.name)}"] if table else []
    arguments += [f"schema={python_string(schema)}"] if schema != DEFAULT_SCHEMA else []
    return outside_transaction(
        Code(
            call("op.drop_index", [*arguments, "postgresql_concurrently=True"]),
            f"DROP INDEX CONCURRENTLY {qualified};",
        )
    )


def setval(table: Name, column: str) -> Code:
    """Let the sequence behind a column go on above the highest value there is."""
    owner = f"pg_get_serial_sequence({literal(table_sql(table))}, {literal(column)})"
    return execute(f"SELECT setval({owner}, (SELECT max({identifier(column)}) FROM {table_sql(table)}))")


def _schema(table: Name) -> list[str]:
    return [f"schema={python_string(table.schema)}"] if table.schema != DEFAULT_SCHEMA else []


def _strings(items: list[str]) -> str:
    return f"[{', '.join(python_string(item) for item in items)}]"
