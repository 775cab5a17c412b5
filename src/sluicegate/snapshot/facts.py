"""What production is beside its schema: sizes, versions and settings, as a file without a single row's data."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sluicegate.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

FORMAT = 1
"""The version of the file's format: it grows when a reader of the old one would misread the new."""

SETTINGS = (
    "TimeZone",
    "default_table_access_method",
    "default_toast_compression",
    "deadlock_timeout",
    "lock_timeout",
    "maintenance_work_mem",
    "max_locks_per_transaction",
    "max_parallel_maintenance_workers",
    "search_path",
    "shared_buffers",
    "statement_timeout",
    "wal_level",
)
"""Server settings that decide what a migration does, or how long it takes."""


@dataclass(frozen=True, slots=True)
class IndexSize:
    """An index: ``bytes`` on disk, its access ``method``, and whether queries may use it."""

    bytes: int
    method: str
    valid: bool = True


@dataclass(frozen=True, slots=True)
class Size:
    """How large a table, partitioned table or materialized view is; a partitioned table counts its partitions.

    Attributes:
        rows: the server's estimate; None when it has none.
        heap: bytes of the table's own file.
        toast: bytes of values kept out of line, with their index.
        indexes: index name → size; empty for a partitioned table, whose partitions have them.
        kind: ``table``, ``partitioned`` or ``materialized view``.
        index_bytes: bytes of all indexes, also those of partitions.
    """

    rows: int | None = None
    heap: int = 0
    toast: int = 0
    indexes: Mapping[str, IndexSize] = field(default_factory=dict)
    kind: str = "table"
    index_bytes: int = 0

    @property
    def data(self) -> int:
        """Return the bytes of the rows, also of what they keep out of line."""
        return self.heap + self.toast


@dataclass(frozen=True, slots=True)
class Facts:
    """A database at one moment.

    Attributes:
        taken_at: when, in UTC.
        server_version: as the server spells it, such as ``16.14``.
        relations: ``schema.name`` → size.
        heads: the revisions in Alembic's version table; None when there is no such table.
        version_table: that table.
        extensions: name → version.
        settings: name → value, as ``SHOW`` prints it.
    """

    taken_at: datetime
    server_version: str
    relations: Mapping[str, Size] = field(default_factory=dict)
    heads: tuple[str, ...] | None = None
    version_table: str = "public.alembic_version"
    extensions: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def postgresql(self) -> int:
        """Return the server's major version."""
        return int(self.server_version.split(".")[0])


def write_facts(facts: Facts) -> str:
    """Return the file's text: the same facts are the same text."""
    document = {
        "format": FORMAT,
        "taken_at": facts.taken_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "server_version": facts.server_version,
        "alembic": {"version_table": facts.version_table, "heads": None if facts.heads is None else [*facts.heads]},
        "extensions": dict(sorted(facts.extensions.items())),
        "settings": dict(sorted(facts.settings.items())),
        "relations": {
            name: {
                "kind": size.kind,
                "rows": size.rows,
                "heap_bytes": size.heap,
                "toast_bytes": size.toast,
                "index_bytes": size.index_bytes,
                "indexes": {
                    index: {"bytes": one.bytes, "method": one.method, "valid": one.valid}
                    for index, one in sorted(size.indexes.items())
                },
            }
            for name, size in sorted(facts.relations.items())
        },
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def read_facts(text: str, origin: str) -> Facts:
    """Read the file's text; ``origin`` names it in errors.

    Raises:
        UsageError: it is no such file, or one that a newer sluicegate wrote.
    """
    try:
        document = json.loads(text)
        found = document["format"]
    except (ValueError, KeyError, TypeError) as error:
        raise _refused(origin, f"{type(error).__name__}: {error}") from error
    if found != FORMAT:
        raise UsageError(
            f"{origin} has format {found!r}; this sluicegate reads format {FORMAT}.",
            hint="Take it again with: sluicegate snapshot take",
        )
    try:
        return _facts(document)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _refused(origin, f"{type(error).__name__}: {error}") from error


def _refused(origin: str, why: str) -> UsageError:
    return UsageError(f"{origin} is no snapshot of ours ({why}).", hint="Take it again with: sluicegate snapshot take")


def _facts(document: Mapping[str, Any]) -> Facts:
    heads = document["alembic"]["heads"]
    facts = Facts(
        taken_at=datetime.strptime(document["taken_at"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC),
        server_version=str(document["server_version"]),
        relations={name: _size(entry) for name, entry in document["relations"].items()},
        heads=None if heads is None else tuple(map(str, heads)),
        version_table=str(document["alembic"]["version_table"]),
        extensions={str(name): str(version) for name, version in document["extensions"].items()},
        settings={str(name): str(value) for name, value in document["settings"].items()},
    )
    int(facts.postgresql)
    return facts


def _size(entry: Mapping[str, Any]) -> Size:
    indexes = {
        str(name): IndexSize(_count(one["bytes"]), str(one["method"]), bool(one["valid"]))
        for name, one in entry["indexes"].items()
    }
    rows = entry["rows"]
    return Size(
        rows=None if rows is None else _count(rows),
        heap=_count(entry["heap_bytes"]),
        toast=_count(entry["toast_bytes"]),
        indexes=indexes,
        kind=str(entry["kind"]),
        index_bytes=_count(entry["index_bytes"]),
    )


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{value!r} is no count")
    return value
