"""Every key of safety/policy.toml as one record, so that reading, refusing and documenting it cannot disagree."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

POSTGRES_VERSIONS = range(14, 19)
"""Major versions whose behaviour is judged."""


@dataclass(frozen=True, slots=True)
class Refused(Exception):  # noqa: N818 - never leaves this package; policy.py turns it into a UsageError
    """A value outside what a key accepts; ``accepted`` says it in words."""

    accepted: str


@dataclass(frozen=True, slots=True)
class Key:
    """One key of the policy file.

    Attributes:
        table: the TOML table it stands in.
        name: its name there; ``*`` for a table whose keys are the user's own names.
        default: the value when it is left out.
        accepted: the values it takes, in words.
        doc: what it decides, in one sentence.
        example: a line for the reference page.
        read: turns TOML's value into ours, or raises ``Refused``.
    """

    table: str
    name: str
    default: Any
    accepted: str
    doc: str
    example: str
    read: Callable[[Any], Any]


def _version(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value not in POSTGRES_VERSIONS:
        raise Refused(f"a whole number from {POSTGRES_VERSIONS[0]} to {POSTGRES_VERSIONS[-1]}")
    return value


def _dotted_version(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"\d+\.\d+(\.\d+)?", value):
        raise Refused('a version in quotes, such as "0.8.0"')
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise Refused("a non-empty string")
    return value


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Refused("true or false")
    return value


def _names(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) and item.strip() for item in value):
        raise Refused("a list of names in quotes")
    return tuple(value)


def _tables(value: Any) -> tuple[str, ...]:
    return tuple(qualified(name) for name in _names(value))


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise Refused("a whole number, 0 or more")
    return value


def _rate(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise Refused("a number above 0")
    return float(value)


def _dimension(value: Any) -> int:
    # pgvector's VECTOR_MAX_DIM (vector.h, 0.8).
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 16_000:
        raise Refused("a whole number from 1 to 16000")
    return value


def _conventions(value: Any) -> dict[str, str]:
    kinds = ("ck", "fk", "ix", "pk", "uq")
    if not isinstance(value, dict) or not all(key in kinds and isinstance(text, str) for key, text in value.items()):
        raise Refused(f"a table with the keys {', '.join(kinds)} and templates as SQLAlchemy's MetaData takes them")
    return dict(value)


def read_level(value: Any) -> str:
    """Return a level's name, or raise ``Refused``."""
    if value not in ("error", "warn", "info", "off"):
        raise Refused('"error", "warn", "info" or "off"')
    return str(value)


def _fail_on(value: Any) -> str:
    if value not in ("error", "warn", "info"):
        raise Refused('"error", "warn" or "info"')
    return str(value)


def read_duration(value: Any) -> str:
    """Return a timeout as PostgreSQL takes it, or raise ``Refused``."""
    if not isinstance(value, str) or milliseconds(value) is None:
        raise Refused('a duration in PostgreSQL\'s words, such as "3s" or "500ms"; "0" for none')
    return value


_UNITS = {"us": 0.001, "": 1, "ms": 1, "s": 1_000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}


def milliseconds(value: str) -> float | None:
    """Return a PostgreSQL duration in milliseconds, or None when it is none.

    Source: PostgreSQL 18 manual, 20.1.1 "Parameter Names and Values"; timeouts count in milliseconds without a unit.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*", value)
    if match is None or match[2] not in _UNITS:
        return None
    return float(match[1]) * _UNITS[match[2]]


def qualified(name: str) -> str:
    """Return ``schema.name``; a bare name is in ``public``."""
    parts = name.strip().split(".")
    if not 1 <= len(parts) <= 2 or not all(parts):
        raise Refused('tables as "name" or "schema.name"')
    return name.strip() if len(parts) == 2 else f"public.{parts[0]}"


def vector_name(name: str) -> str:
    """Return ``schema.table.column``; a bare table is in ``public``."""
    parts = name.strip().split(".")
    if not 2 <= len(parts) <= 3 or not all(parts):
        raise Refused('vectors as "table.column" or "schema.table.column"')
    return ".".join(parts if len(parts) == 3 else ["public", *parts])


MEASURED_RATES = (
    ("scan_mb_per_second", 1_000, "How many megabytes of a table a check reads in a second."),
    ("rewrite_mb_per_second", 140, "How many megabytes of a table are written anew in a second, without indexes."),
    ("index_rows_per_second", 1_600_000, "How many rows a btree, hash or BRIN index takes in a second."),
    ("other_index_rows_per_second", 150_000, "How many rows a GIN or GiST index takes in a second."),
    ("foreign_key_rows_per_second", 3_500_000, "How many rows of a foreign key are looked up in a second."),
    (
        "hnsw_rows_per_second",
        1_650,
        "How many rows of 768 dimensions an HNSW index with ef_construction = 64 takes in a second.",
    ),
    (
        "ivfflat_rows_per_second",
        23_000,
        "How many rows of 768 dimensions an IVFFlat index with 100 lists takes in a second.",
    ),
    ("update_rows_per_second", 40_000, "How many rows an UPDATE writes in a second."),
)
"""What the embedded PostgreSQL does on two cores with the table in memory: name, rate, what it counts.

Measured on 16.14 and 18.4 with pgvector 0.8.5 (``scripts/rates`` measures again): int to bigint rewrites 138 MB/s, a
CHECK reads 2.2 GB/s from memory (half of it is taken, since production's tables are seldom in memory whole), a btree
over bigint takes 1.6 million rows/s, a foreign key 3.5; HNSW (m = 16) 1,650 rows/s, IVFFlat 23,000; an UPDATE of every
row under three indexes writes 41,000.
"""

KEYS: tuple[Key, ...] = (
    Key(
        "server",
        "postgresql",
        16,
        "a whole number from 14 to 18",
        "The major version that production runs; it decides what rewrites, what scans and what is a syntax error.",
        "postgresql = 16",
        _version,
    ),
    Key(
        "server",
        "pgvector",
        "0.8.0",
        "a version in quotes",
        "The version of pgvector that production runs; it decides which types, index methods and options exist.",
        'pgvector = "0.8.0"',
        _dotted_version,
    ),
    Key(
        "server",
        "timezone",
        None,
        "a time zone in quotes",
        "The TimeZone that migrations run under; left out, a change between timestamp and timestamptz is judged as "
        "not known.",
        'timezone = "UTC"',
        _text,
    ),
    Key(
        "server",
        "search_path",
        ("public",),
        "a list of names in quotes",
        "The schemas in which migrations look up bare names.",
        'search_path = ["public"]',
        _names,
    ),
    Key(
        "session",
        "lock_timeout",
        None,
        'a duration in PostgreSQL\'s words, such as "3s"',
        "The lock_timeout that env.py, the connection or the role sets before the first revision runs.",
        'lock_timeout = "3s"',
        read_duration,
    ),
    Key(
        "session",
        "statement_timeout",
        None,
        'a duration in PostgreSQL\'s words, such as "15min"',
        "The statement_timeout that env.py, the connection or the role sets before the first revision runs.",
        'statement_timeout = "15min"',
        read_duration,
    ),
    Key(
        "session",
        "longest_lock_timeout",
        "10s",
        "a duration in PostgreSQL's words",
        "A lock_timeout above this does not protect: while a statement waits for its lock, everybody queues behind it.",
        'longest_lock_timeout = "10s"',
        read_duration,
    ),
    Key(
        "migrations",
        "directory",
        None,
        "a path in quotes, relative to the folder above safety/",
        "The Alembic script folder, where no alembic.ini says it.",
        'directory = "migrations"',
        _text,
    ),
    Key(
        "migrations",
        "transaction_per_migration",
        False,
        "true or false",
        "What env.py passes to context.configure(); without it one transaction spans all pending revisions.",
        "transaction_per_migration = true",
        _flag,
    ),
    Key(
        "migrations",
        "version_table",
        "alembic_version",
        "a non-empty string",
        "Alembic's version table, where env.py renames it.",
        'version_table = "alembic_version"',
        _text,
    ),
    Key(
        "migrations",
        "naming_convention",
        {},
        "a table with the keys ck, fk, ix, pk, uq",
        "The MetaData naming convention, so that unnamed constraints get the names that production has.",
        'naming_convention = { ix = "ix_%(column_0_label)s" }',
        _conventions,
    ),
    Key(
        "tables",
        "append_only",
        (),
        "a list of tables in quotes",
        "Tables whose rows are inserted and never changed: no tracking column, no UPDATE or DELETE, no maintenance "
        "trigger.",
        'append_only = ["public.events"]',
        _tables,
    ),
    Key(
        "tables",
        "exempt",
        (),
        "a list of tables in quotes",
        "Tables that nobody waits for, such as scratch tables; findings about them alone are not reported.",
        'exempt = ["public.import_scratch"]',
        _tables,
    ),
    Key(
        "tables",
        "small_rows",
        10_000,
        "a whole number, 0 or more",
        "A table known to hold at most this many rows is rewritten or scanned in an instant; that is no finding.",
        "small_rows = 10000",
        _count,
    ),
    Key(
        "tables",
        "small_bytes",
        100_000_000,
        "a whole number, 0 or more",
        "A table that a snapshot knows to have more bytes than this is not small, however few its rows.",
        "small_bytes = 100000000",
        _count,
    ),
    Key(
        "tables.rows",
        "*",
        {},
        "a whole number, 0 or more",
        "Roughly how many rows a table holds in production, where there is no snapshot that says so.",
        '"public.events" = 1150000',
        _count,
    ),
    Key(
        "vectors",
        "*",
        {},
        "a whole number from 1 to 16000",
        "A vector column that must exist, and its dimension.",
        '"public.workflow_insights.embedding" = 1536',
        _dimension,
    ),
    *(
        Key("durations", name, rate, "a number above 0", doc, f"{name} = {rate}", _rate)
        for name, rate, doc in MEASURED_RATES
    ),
    Key(
        "snapshot",
        "max_age_days",
        30,
        "a whole number, 0 or more",
        "A snapshot in safety/snapshot that is older than this is noted in every report.",
        "max_age_days = 30",
        _count,
    ),
    Key(
        "lint",
        "fail_on",
        "error",
        '"error", "warn" or "info"',
        "The weakest level that makes lint leave with exit code 1.",
        'fail_on = "error"',
        _fail_on,
    ),
    Key(
        "target",
        "database",
        None,
        "a non-empty string",
        "The only database in which backfills may run; any other is refused.",
        'database = "production"',
        _text,
    ),
    Key(
        "target",
        "cluster",
        None,
        "a non-empty string",
        "The only cluster: SELECT system_identifier FROM pg_control_system(); a restored copy has the same one.",
        'cluster = "7301923415560214321"',
        _text,
    ),
)
"""All keys outside ``[rules]``, in the order of the reference page."""

PASSED_THROUGH = ("admin", "backfill", "dry-run", "embedding", "rollout", "verify")
"""Tables whose keys belong to another part of the program, which reads and refuses them itself."""
