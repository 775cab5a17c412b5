"""What a statement family asks while it predicts, and where it notes what it finds.

A family writes ``def predict_<family>(context: Context, node) -> Effects``: it asks ``context`` about names, notes
effects in ``context.builder`` and returns ``context.builder.finish()``. It may leave early with ``raise Refused(...)``
or ``raise Unknowable(...)`` (or call ``context.missing(...)``, which raises one of the two); ``predict`` turns either
into effects and keeps the locks noted so far in the second case.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NoReturn

from sluicegate.catalog.model import Index, Name, Relation, RelationKind
from sluicegate.effects.model import Certainty, Effects, InTransaction, LockMode, Loss, LossKind, Refusal
from sluicegate.statements.nodes import qualified

if TYPE_CHECKING:
    from sluicegate.catalog.model import Catalog, Function, SqlType, UserType
    from sluicegate.catalog.session import Session
    from sluicegate.statements.parse import Statement


class Refused(Exception):  # noqa: N818 - an answer, not a failure of ours
    """The server rejects the statement."""

    def __init__(self, sqlstate: str, message: str) -> None:
        self.refusal = Refusal(sqlstate, message)
        super().__init__(str(self.refusal))


class Unknowable(Exception):  # noqa: N818 - an answer, not a failure of ours
    """Something that decides the answer is not known; the phrase says what."""


class Builder:
    """Collects the effects of one statement."""

    def __init__(self, catalog: Catalog, session: Session) -> None:
        self.catalog = catalog
        self.session = session
        self.locks: dict[str, LockMode] = {}
        self.index_locks: dict[str, LockMode] = {}
        self.rewrites: set[str] = set()
        self.scans: set[str] = set()
        self.index_builds: set[str] = set()
        self.refusal: Refusal | None = None
        self.forbidden: str | None = None
        self.unknowns: list[str] = []
        self.data: list[str] = []
        self.losses: list[Loss] = []
        self.reasons: dict[str, str] = {}

    def lock(self, relation: Relation | Index | Name | str, mode: LockMode) -> None:
        """Note a lock on a table, view, sequence or index (an ``Index`` value goes to the index locks)."""
        if isinstance(relation, Index):
            self.lock_index(relation, mode)
            return
        name = _name(relation)
        self.locks[name] = max(mode, self.locks.get(name, mode))

    def lock_index(self, index: Index | Name | str, mode: LockMode) -> None:
        """Note a lock on an index."""
        name = _name(index)
        self.index_locks[name] = max(mode, self.index_locks.get(name, mode))

    def rewrite(self, relation: Relation | Name | str, reason: str | None = None, *, emptied: bool = False) -> None:
        """Note that a table's file is replaced; this reads the table and writes each of its indexes again.

        A relation without storage (partitioned table, view) has no file, so nothing is noted for it.

        Args:
            relation: the table or materialized view.
            reason: why, in words for a reader.
            emptied: True when the new file starts empty (TRUNCATE, REFRESH WITH NO DATA), so that nothing is read.
        """
        name = _name(relation)
        if not self._has_storage(relation):
            return
        self.rewrites.add(name)
        if not emptied:
            self.scans.add(name)
        if self.catalog.indexes_of(_key(relation)):
            self.index_builds.add(name)
        self._because(name, reason)

    def scan(self, relation: Relation | Name | str, reason: str | None = None) -> None:
        """Note that a table is read from end to end; nothing is noted for a relation without storage."""
        if self._has_storage(relation):
            self.scans.add(_name(relation))
            self._because(_name(relation), reason)

    def build(self, relation: Relation | Name | str, reason: str | None = None) -> None:
        """Note that a table gets a newly written index file, which reads the table."""
        if self._has_storage(relation):
            self.index_builds.add(_name(relation))
            self.scan(relation, reason)

    def refuse(self, sqlstate: str, message: str) -> None:
        """Note that the server rejects the statement; the first refusal stands."""
        self.refusal = self.refusal or Refusal(sqlstate, message)

    def forbid_in_transaction(self, command: str) -> None:
        """Note that the server refuses the command (``CREATE INDEX CONCURRENTLY``) inside a transaction block."""
        self.forbidden = self.forbidden or command

    def unknown(self, phrase: str) -> None:
        """Note something that decides the answer and is not known."""
        if phrase not in self.unknowns:
            self.unknowns.append(phrase)

    def depends(self, phrase: str) -> None:
        """Note a way the outcome depends on rows, such as ``fails if public.users.name holds NULL``."""
        if phrase not in self.data:
            self.data.append(phrase)

    def lose(
        self, kind: LossKind, relation: Relation | Name | str, name: str = "", *, asked: bool = True, detail: str = ""
    ) -> None:
        """Note something that is gone after the statement."""
        loss = Loss(kind, _name(relation), name, asked, detail)
        if loss not in self.losses:
            self.losses.append(loss)

    def include(self, effects: Effects) -> None:
        """Add another statement's effects, such as those of a statement inside a DO block."""
        for name, mode in effects.locks.items():
            self.lock(name, mode)
        for name, mode in effects.index_locks.items():
            self.lock_index(name, mode)
        self.rewrites |= effects.rewrites
        self.scans |= effects.scans
        self.index_builds |= effects.index_builds
        if effects.in_transaction is InTransaction.FORBIDDEN:
            self.forbid_in_transaction("a statement inside")
        if effects.error is not None:
            self.refuse(effects.error.sqlstate, effects.error.message)
        for phrase in effects.unknowns:
            self.unknown(phrase)
        for phrase in effects.depends_on_data:
            self.depends(phrase)
        self.losses += [loss for loss in effects.losses if loss not in self.losses]
        for name, reason in effects.reasons.items():
            self._because(name, reason)

    def finish(self) -> Effects:
        """Return what was noted; a rejected statement leaves nothing but its error."""
        in_transaction = InTransaction.FORBIDDEN if self.forbidden else InTransaction.ALLOWED
        refusal = self.refusal
        if self.forbidden and self.session.in_transaction:
            refusal = Refusal("25001", f"{self.forbidden} cannot run inside a transaction block")
        if refusal is not None:
            return Effects(error=refusal, in_transaction=in_transaction, depends_on_data=tuple(self.data))
        return Effects(
            locks=dict(sorted(self.locks.items())),
            index_locks=dict(sorted(self.index_locks.items())),
            rewrites=frozenset(self.rewrites),
            scans=frozenset(self.scans),
            index_builds=frozenset(self.index_builds),
            in_transaction=in_transaction,
            certainty=Certainty.UNKNOWN if self.unknowns else Certainty.CERTAIN,
            unknowns=tuple(self.unknowns),
            depends_on_data=tuple(self.data),
            losses=tuple(self.losses),
            reasons=dict(self.reasons),
        )

    def _has_storage(self, relation: Relation | Name | str) -> bool:
        found = relation if isinstance(relation, Relation) else self.catalog.relations.get(_key(relation))
        return found is None or found.kind in {RelationKind.TABLE, RelationKind.MATERIALIZED_VIEW}

    def _because(self, name: str, reason: str | None) -> None:
        if reason:
            self.reasons.setdefault(name, reason)


@dataclass(frozen=True, slots=True)
class Context:
    """One statement with everything that decides what it does, and the questions a family asks of it.

    ``version`` is the server's major version; ``variables`` says that a name which no table has may be a variable of
    PL/pgSQL; ``calling`` lists the functions whose bodies are being followed. Names in questions are ``RangeVar``
    messages, lists of ``String`` nodes or ``(schema or None, name)`` pairs.
    """

    statement: Statement
    catalog: Catalog
    session: Session
    version: int
    builder: Builder = field(repr=False)
    variables: bool = False
    calling: tuple[str, ...] = ()

    @classmethod
    def of(cls, statement: Statement, catalog: Catalog, session: Session, version: int) -> Context:
        """Build a context with an empty builder."""
        return cls(statement, catalog, session, version, Builder(catalog, session))

    def with_catalog(self, catalog: Catalog) -> Context:
        """Return the same context over another catalog, noting effects in the same builder."""
        return replace(self, catalog=catalog)

    @property
    def search_path(self) -> tuple[str, ...]:
        """Return the schemas of an unqualified name, temporary tables first."""
        return ("pg_temp", *(schema for schema in self.session.search_path if schema != "pg_temp"))

    # -- names ---------------------------------------------------------------------------------------------------

    def relation(self, name: Any) -> Relation | None:
        """Return the relation a name means, or None."""
        schema, base = _pair(name)
        return self.catalog.find_relation(schema, base, self.search_path)

    def index(self, name: Any) -> Index | None:
        """Return the index a name means, or None."""
        schema, base = _pair(name)
        return self.catalog.find_index(schema, base, self.search_path)

    def relation_or_index(self, name: Any) -> Relation | Index | None:
        """Return what a name means among relations and indexes, which share one name space."""
        schema, base = _pair(name)
        for candidate in (schema,) if schema else self.search_path:
            key = Name(candidate, base)
            found = self.catalog.relations.get(key) or self.catalog.indexes.get(key)
            if found is not None:
                return found
        return None

    def require_relation(self, name: Any) -> Relation:
        """Return the relation a name means.

        Raises:
            Refused: it does not exist (42P01).
            Unknowable: it is not in a catalog that is not complete.
        """
        found = self.relation(name)
        if found is None:
            self.missing(name)
        return found

    def type(self, type_name: Any) -> SqlType | None:
        """Return the type that a ``TypeName`` means, or None when no such type is known."""
        from sluicegate.catalog.types import find_type

        return find_type(type_name, self.catalog, self.search_path)

    def require_type(self, type_name: Any) -> SqlType:
        """Return the type that a ``TypeName`` means.

        Raises:
            Refused: it does not exist (42704).
            Unknowable: it is not in a catalog that is not complete.
        """
        found = self.type(type_name)
        if found is None:
            from sluicegate.catalog.types import written

            self.absent("42704", f'type "{written(type_name)}" does not exist')
        return found

    def user_type(self, name: Any) -> UserType | None:
        """Return the enum, domain, composite or extension type a name means, or None."""
        schema, base = _pair(name)
        for candidate in (schema,) if schema else self.search_path:
            found = self.catalog.types.get(Name(candidate, base))
            if found is not None:
                return found
        return None

    def functions(self, name: Any) -> tuple[Function, ...]:
        """Return the user's functions of a name, through the search path; built-in ones are not among them."""
        schema, base = _pair(name)
        found: tuple[Function, ...] = ()
        for candidate in (schema,) if schema else self.search_path:
            found += self.catalog.functions.get(Name(candidate, base), ())
        return found

    def name_of(self, name: Any) -> Name:
        """Return the name a relation has, or would have if it existed or were created now."""
        schema, base = _pair(name)
        found = self.relation_or_index(name)
        if found is not None:
            return found.name
        if schema is None and getattr(name, "relpersistence", "p") == "t":
            return Name("pg_temp", base)
        return Name(schema or self.creation_schema, base)

    @property
    def creation_schema(self) -> str:
        """Return the schema that an unqualified new object lands in: the first of the search path that exists."""
        for schema in self.session.search_path:
            if schema in self.catalog.schemas or not self.catalog.complete:
                return schema
        return "public"

    def is_system(self, name: Any) -> bool:
        """Tell whether a name means a system catalog or an information schema view, which reports leave out."""
        from sluicegate.catalog.builtins import builtins

        schema, base = _pair(name)
        if schema in {"information_schema", "pg_toast"}:
            return True
        return schema in {None, "pg_catalog"} and base in builtins(self.version).relations

    # -- what is not there ----------------------------------------------------------------------------------------

    def missing(self, name: Any, what: str = "relation", *, sqlstate: str = "42P01", parsing: bool = False) -> NoReturn:
        """Leave because a name means nothing: refused over a complete catalog, unknowable otherwise.

        Args:
            name: the name.
            what: the server's word for what it looked for: ``relation``, ``table``, ``view``, ``index`` …
            sqlstate: 42P01, unless the server says otherwise.
            parsing: True for names inside queries, where an absent schema is reported as an absent relation.
        """
        schema, base = _pair(name)
        if schema and not parsing and schema not in self.catalog.schemas and not schema.startswith("pg_"):
            self.absent("3F000", f'schema "{schema}" does not exist')
        self.absent(sqlstate, f'{what} "{f"{schema}." if schema else ""}{base}" does not exist')

    def absent(self, sqlstate: str, message: str) -> NoReturn:
        """Leave because something is not in the catalog: refused when it is complete, unknowable otherwise."""
        if self.catalog.complete:
            raise Refused(sqlstate, message)
        subject = message.removesuffix(" does not exist")
        raise Unknowable(f"{subject} is not in the schema that was given")


def _pair(name: Any) -> tuple[str | None, str]:
    if isinstance(name, tuple):
        return (name[0] or None, name[1])
    if isinstance(name, str):
        return None, name
    return qualified(name)


def _name(relation: Relation | Index | Name | str) -> str:
    if isinstance(relation, str):
        return relation
    return str(relation if isinstance(relation, Name) else relation.name)


def _key(relation: Relation | Name | str) -> Name:
    if isinstance(relation, Relation):
        return relation.name
    return relation if isinstance(relation, Name) else Name(*relation.split(".", 1))
