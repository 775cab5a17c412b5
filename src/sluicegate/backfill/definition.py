"""What an author says about a backfill; everything else belongs to the engine."""

from __future__ import annotations

import hashlib
import inspect
import json
import re
import textwrap
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from sluicegate.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

CHUNK = "{chunk}"
"""What ``apply`` writes where the rows of one chunk are wanted; it becomes a subquery."""

_IDENTIFIER = r'(?:"(?:[^"]|"")+"|[A-Za-z_][A-Za-z0-9_$]*)'
_TABLE = re.compile(rf"({_IDENTIFIER})\.({_IDENTIFIER})")


class DefinitionError(UsageError):
    """A backfill's definition does not make sense."""

    def __init__(self, field_name: str, message: str, *, hint: str | None = None) -> None:
        """Build the error.

        Args:
            field_name: the argument of ``Backfill`` that is wrong, so that the loader can name its line.
            message: what is wrong with it.
            hint: what to write instead.
        """
        self.field_name = field_name
        super().__init__(message, hint=hint)


class TableName(NamedTuple):
    """A schema-qualified table, unquoted."""

    schema: str
    name: str

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"

    @classmethod
    def read(cls, text: object, field_name: str) -> TableName:
        """Read ``schema.table`` as SQL would: folded to lower case unless quoted.

        Raises:
            DefinitionError: it is no qualified name.
        """
        match = _TABLE.fullmatch(text) if isinstance(text, str) else None
        if match is None:
            raise DefinitionError(
                field_name,
                f"{field_name}={text!r} is no qualified table name.",
                hint='Write schema and table, such as "public.events": what an unqualified name means depends on '
                "who is connected.",
            )
        return cls(*(_unquoted(part) for part in match.groups()))


def _unquoted(identifier: str) -> str:
    return identifier[1:-1].replace('""', '"') if identifier.startswith('"') else identifier.lower()


@dataclass(frozen=True, slots=True)
class HighWatermark:
    """Track progress by the key's order: the mark is the highest key below which every chunk has committed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sidecar:
    """Track progress by a table beside the base table that holds one row and a state for each key.

    Attributes:
        table: the sidecar table, ``schema.table``; an expand revision creates it.
        key: its key columns in the order of the backfill's key; the same names when left out.
        source: an SQL expression over ``row`` (the base table's row); its MD5 is stored as ``source_hash``, so that a
            later change of the source can be told.
    """

    table: str
    key: str | tuple[str, ...] = ()
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Apply:
    """Let a Python function do the work for the rows of a chunk; what it returns is written at COPY speed.

    The function is given a list of named tuples, each with the key's columns first and then ``columns``. It returns an
    iterable of tuples in the order of ``writes``, of which the first are the key's values, so that every written row
    is known to belong to a row of the chunk; several for one row, or none, are fine. It must not change anything else:
    a chunk that fails is computed again.

    Attributes:
        function: what is called once for each chunk.
        columns: columns of the base table that it needs, besides the key.
        into: the table that is written, ``schema.table``.
        writes: columns of ``into``, those that take the key first.
        update: change the rows of ``into`` whose first columns equal the key, instead of inserting.
        network: no transaction is open while the function runs, for one that takes longer than a moment or calls
            others. Rows that changed meanwhile are not written; the proof finds them and has them worked off again.
    """

    function: Callable[[Sequence[Any]], Iterable[Sequence[Any]]]
    columns: tuple[str, ...] = field(kw_only=True)
    into: str = field(kw_only=True)
    writes: tuple[str, ...] = field(kw_only=True)
    update: bool = field(default=False, kw_only=True)
    network: bool = field(default=False, kw_only=True)

    def check(self, keys: int) -> None:
        """Refuse what cannot work with a key of so many columns.

        Raises:
            DefinitionError: saying what is wrong.
        """
        if not callable(self.function):
            raise DefinitionError("apply", f"{self.function!r} is no function.", hint="Write Apply(function, …).")
        for name in ("columns", "writes"):
            given = getattr(self, name)
            if not isinstance(given, tuple) or not all(isinstance(one, str) and one for one in given):
                raise DefinitionError(
                    "apply", f"{name}={given!r} is no tuple of column names.", hint=f'Write {name}=("a", "b").'
                )
        TableName.read(self.into, "into")
        if len(self.writes) <= keys:
            raise DefinitionError(
                "apply",
                f"writes={self.writes!r} names no column besides those for the key's {keys}.",
                hint="First the columns that take the key, in its order, then those that take what is computed.",
            )

    @property
    def target(self) -> TableName:
        """The written table as a name."""
        return TableName.read(self.into, "into")

    @property
    def identity(self) -> list[Any]:
        """What decides which rows are written: the function's text, and where its results go."""
        try:
            text = textwrap.dedent(inspect.getsource(self.function))
        except (OSError, TypeError):
            text = f"{getattr(self.function, '__module__', '')}.{getattr(self.function, '__qualname__', '')}"
        return [text, list(self.columns), str(self.target), list(self.writes), self.update]


@dataclass(frozen=True, slots=True, kw_only=True)
class Backfill:
    """A backfill: which rows are owed work, when a row has it, and how a chunk of rows gets it.

    SQL fragments are trusted text of the repository; they name the table's row ``row``.

    Attributes:
        revision: the expand revision it serves.
        table: the table whose rows are walked, ``schema.table``.
        key: the unique, not-null column or columns that order the rows; ``"ctid"`` walks the table by its pages, for
            a large table whose keys are random.
        where: the condition under which a row is owed work.
        done: the condition under which a row has it.
        apply: one statement that does the work for the rows of ``{chunk}``, such as
            ``INSERT INTO t (event_id) SELECT row.id FROM {chunk} AS row``; in an UPDATE or DELETE of the base table
            itself ``{chunk}`` is a condition on ``row``: ``UPDATE events AS row SET … WHERE {chunk}``; or
            ``Apply(function, …)``.
        tracking: ``HighWatermark()`` or ``Sidecar(...)``.
        batch_size: keys in a chunk, 1–100,000; None leaves it to the policy file (10,000 unless set).
        sleep: seconds between chunks, 0–3,600; None leaves it to the policy file (0.1 unless set).
        after: names or numbers of backfills that must be verified before this one starts.
        trigger: a trigger of the table that writes new and changed rows from its creation on, so that only rows from
            before are owed. It must be there and fire; None where rows that arrive later are left to ``tick``.

    Raises:
        DefinitionError: an argument is missing what it needs; SQL is checked when the file is loaded.
    """

    revision: str
    table: str
    key: str | tuple[str, ...]
    where: str
    done: str
    apply: str | Apply
    tracking: HighWatermark | Sidecar = field(default_factory=HighWatermark)
    batch_size: int | None = None
    sleep: float | None = None
    after: tuple[str, ...] = ()
    trigger: str | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot work on any server."""
        TableName.read(self.table, "table")
        if not isinstance(self.revision, str) or not self.revision.strip():
            raise DefinitionError("revision", "revision is empty.", hint="Name the expand revision it serves.")
        for name in ("where", "done", "apply"):
            text = getattr(self, name)
            if isinstance(text, Apply):
                continue
            if not isinstance(text, str) or not text.strip():
                raise DefinitionError(name, f"{name} is empty.", hint='Write SQL; "true" stands for every row.')
        if isinstance(self.apply, str) and CHUNK not in self.apply:
            raise DefinitionError(
                "apply",
                "apply does not say {chunk}, so it would touch the whole table at once.",
                hint="Read the rows from the chunk: … FROM {chunk} AS row.",
            )
        if not self.keys or not all(isinstance(column, str) and column for column in self.keys):
            raise DefinitionError("key", f"key={self.key!r} names no column.", hint='Write key="id" or key=("a", "b").')
        if len(set(self.keys)) != len(self.keys):
            raise DefinitionError("key", f"key={self.key!r} names a column twice.", hint="Name each column once.")
        if "ctid" in self.keys and (
            len(self.keys) > 1 or isinstance(self.apply, Apply) or not isinstance(self.tracking, HighWatermark)
        ):
            raise DefinitionError(
                "key",
                "ctid says where a row lies, and it lies elsewhere after every change.",
                hint='Write key="ctid" alone, with HighWatermark() and apply in SQL, or name the primary key.',
            )
        if isinstance(self.apply, Apply):
            self.apply.check(len(self.keys))
            if not isinstance(self.tracking, HighWatermark):
                raise DefinitionError(
                    "tracking",
                    "A function is applied to ranges of the key, and a sidecar hands out single keys.",
                    hint="Write tracking=HighWatermark(), or apply=… in SQL.",
                )
        if isinstance(self.tracking, Sidecar):
            TableName.read(self.tracking.table, "tracking")
            if len(self.sidecar_keys) != len(self.keys):
                raise DefinitionError(
                    "tracking",
                    f"The sidecar has {len(self.sidecar_keys)} key columns, the backfill has {len(self.keys)}.",
                    hint="Name them in the same order, or leave them out when they are called the same.",
                )
        elif not isinstance(self.tracking, HighWatermark):
            raise DefinitionError(
                "tracking", f"tracking={self.tracking!r} is unknown.", hint="Write HighWatermark() or Sidecar(table=…)."
            )
        if isinstance(self.after, str) or not all(isinstance(name, str) for name in self.after):
            raise DefinitionError("after", f"after={self.after!r} is no tuple of names.", hint='Write after=("0002",).')
        if self.trigger is not None and (not isinstance(self.trigger, str) or not self.trigger.strip()):
            raise DefinitionError("trigger", f"trigger={self.trigger!r} is no name.", hint='Write trigger="sync_x".')

    @property
    def statement(self) -> str:
        """The author's statement.

        Raises:
            TypeError: a function does the work.
        """
        if isinstance(self.apply, Apply):
            raise TypeError("this backfill applies a function, not a statement")
        return self.apply

    @property
    def relation(self) -> TableName:
        """The table as a name."""
        return TableName.read(self.table, "table")

    @property
    def keys(self) -> tuple[str, ...]:
        """The key's columns."""
        return (self.key,) if isinstance(self.key, str) else tuple(self.key)

    @property
    def sidecar_keys(self) -> tuple[str, ...]:
        """The sidecar's key columns, in the key's order."""
        if not isinstance(self.tracking, Sidecar) or not self.tracking.key:
            return self.keys
        return (self.tracking.key,) if isinstance(self.tracking.key, str) else tuple(self.tracking.key)

    @property
    def fingerprint(self) -> str:
        """A hash of everything that decides what is written; pace and dependencies are left out."""
        sidecar = self.tracking if isinstance(self.tracking, Sidecar) else None
        parts = [
            *(str(self.relation), list(self.keys), self.where, self.done),
            self.apply.identity if isinstance(self.apply, Apply) else self.apply,
            [str(TableName.read(sidecar.table, "tracking")), list(self.sidecar_keys), sidecar.source]
            if sidecar
            else None,
        ]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class LoadedBackfill:
    """A definition and the file it was read from.

    Attributes:
        name: the file's stem, ``0003_event_embedding_status``.
        number: its leading digits, ``0003``.
        path: the file.
        definition: what it says.
    """

    name: str
    number: str
    path: Path
    definition: Backfill
