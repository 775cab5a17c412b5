"""Run a case on a real server and write down, statement by statement, what the server did.

It is kept apart from the product's own observer on purpose: a label must not rest on the code that it measures.
"""

from __future__ import annotations

import itertools
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory

from sluicegate.errors import ParseError
from sluicegate.pg.embedded import EmbeddedServer
from sluicegate.statements.parse import parse_script

from .case import ROWS, SCHEMA, Case

MODES = [
    "AccessShareLock",
    "RowShareLock",
    "RowExclusiveLock",
    "ShareUpdateExclusiveLock",
    "ShareLock",
    "ShareRowExclusiveLock",
    "ExclusiveLock",
    "AccessExclusiveLock",
]
# These refuse to run inside a transaction block, so their locks cannot be read while they are held.
_ALONE = re.compile(
    r"\bCONCURRENTLY\b|^\s*(VACUUM|REINDEX\s+(DATABASE|SYSTEM)|CREATE\s+DATABASE|DROP\s+DATABASE|ALTER\s+SYSTEM"
    r"|BEGIN|START|COMMIT|ROLLBACK|END)\b",
    re.I,
)

_STATE = """
SELECT c.oid::bigint, CASE n.nspname WHEN 'public' THEN '' ELSE n.nspname || '.' END || c.relname, c.relkind::text,
       pg_catalog.pg_relation_filenode(c.oid)::bigint, i.indrelid::bigint, i.indisvalid,
       (SELECT pg_catalog.json_object_agg(a.attnum, a.attname) FROM pg_catalog.pg_attribute a
         WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
WHERE c.relkind IN ('r', 'p', 'm', 'i', 'I') AND n.nspname !~ '^(pg_|information_schema)'
  AND c.relname <> 'alembic_version'
"""
_LOCKS = """
SELECT relation::bigint, mode FROM pg_catalog.pg_locks
WHERE pid = pg_catalog.pg_backend_pid() AND locktype = 'relation' AND granted
"""
_COUNTERS = """
SELECT relid::bigint, seq_tup_read, n_tup_ins, n_tup_upd, n_tup_del FROM pg_catalog.pg_stat_xact_user_tables
"""


@dataclass
class State:
    """The database at one moment: relations by OID, locks held, counters of this transaction."""

    relations: dict[int, Any] = field(default_factory=dict)
    locks: dict[int, int] = field(default_factory=dict)
    counters: dict[int, tuple[int, ...]] = field(default_factory=dict)


@contextmanager
def raw_cursor(connection: sa.Connection) -> Iterator[psycopg.Cursor[Any]]:
    """A cursor that SQLAlchemy's events do not see."""
    driver = connection.connection.driver_connection
    with psycopg.Cursor(driver) as cursor:
        yield cursor


class Observer:
    """Listens to one engine and keeps a record for each statement of the judged revisions."""

    def __init__(self, engine: sa.Engine, folder: Path, judged: list[str]) -> None:
        self.folder, self.judged = str(folder), judged
        self.records: list[dict[str, Any]] = []
        self.known: dict[int, Any] = {}
        self.before = State()
        self.wrapped = False
        self.active = False
        sa.event.listen(engine, "before_cursor_execute", self._before)
        sa.event.listen(engine, "after_cursor_execute", self._after)
        sa.event.listen(engine, "handle_error", self._error)

    def start(self, connection: sa.Connection) -> None:
        """Remember what exists before the judged revisions; only that can be blocked or lost."""
        with raw_cursor(connection) as cursor:
            self.known = state(cursor).relations
        self.active = True

    def place(self) -> tuple[int, int, int] | None:
        """The file among the judged ones, and the first and last line of the innermost call in it."""
        frame = sys._getframe(2)
        while frame is not None:
            name = frame.f_code.co_filename
            if name in self.judged:
                return self.judged.index(name), *lines(frame.f_code, frame.f_lasti)
            frame = frame.f_back
        return None

    def _before(self, connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        self.here = self.place() if self.active else None
        if self.here is None:
            return
        driver = connection.connection.driver_connection
        idle = driver.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
        self.wrapped = bool(driver.autocommit and idle and not _ALONE.search(statement))
        with raw_cursor(connection) as raw:
            if self.wrapped:
                raw.execute("BEGIN")
            self.before = state(raw)

    def _after(self, connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if self.here is None:
            return
        with raw_cursor(connection) as raw:
            after = state(raw)
            self.records.append(self._record(raw, statement, after))
            if self.wrapped:
                raw.execute("COMMIT")
        self.here = None

    def _error(self, context: Any) -> None:
        if self.here is None:
            return
        error = context.original_exception
        code = getattr(error, "sqlstate", None)
        self.records.append(
            {"at": list(self.here), "sql": short(context.statement or ""), "error": f"{code}: {first_line(error)}"}
        )
        if self.wrapped:
            with suppress(psycopg.Error), raw_cursor(context.connection) as raw:
                raw.execute("ROLLBACK")
        self.here = None

    def _record(self, raw: Any, statement: str, after: State) -> dict[str, Any]:
        return {"at": list(self.here or ()), "sql": short(statement)} | difference(
            raw, self.known, self.before, after, keeps_nothing=bool(_ALONE.search(statement))
        )


def lines(code: Any, instruction: int) -> tuple[int, int]:
    """The first and last line of the call that an instruction belongs to."""
    start, end, _, _ = next(itertools.islice(code.co_positions(), instruction // 2, None))
    return start or 1, end or start or 1


def state(cursor: Any) -> State:
    """Read the relations, the locks and the counters."""
    locks: dict[int, int] = {}
    for oid, mode in cursor.execute(_LOCKS).fetchall():
        locks[oid] = max(locks.get(oid, 0), MODES.index(mode) + 1)
    counters = {row[0]: tuple(row[1:]) for row in cursor.execute(_COUNTERS).fetchall()}
    return State({row[0]: row[1:] for row in cursor.execute(_STATE).fetchall()}, locks, counters)


def difference(raw: Any, known: dict[int, Any], before: State, after: State, *, keeps_nothing: bool) -> dict[str, Any]:
    """Say what changed for the relations that existed before the revision."""
    tables = {oid: r for oid, r in known.items() if r[1] in "rpm"}
    result: dict[str, Any] = {}
    held = {
        tables[oid][0]: MODES[mode - 1]
        for oid, mode in after.locks.items()
        if oid in tables and mode >= MODES.index("ShareUpdateExclusiveLock") + 1
    }
    if held:
        result["locks"] = dict(sorted(held.items()))
    moved = [o for o in tables if o in after.relations and o in before.relations]
    moved = [o for o in moved if after.relations[o][2] != before.relations[o][2]]
    emptied = {o for o in moved if not raw.execute(f"SELECT EXISTS (SELECT FROM {quoted(raw, o)})").fetchone()[0]}
    result["rewrites"] = sorted(tables[o][0] for o in moved if o not in emptied)
    result["emptied"] = sorted(tables[o][0] for o in emptied)
    files = {r[2] for r in before.relations.values() if r[1] in "iI"}
    result["builds"] = sorted(
        {tables[r[3]][0] for r in after.relations.values() if r[1] == "i" and r[2] not in files and r[3] in tables}
    )
    if not keeps_nothing:
        delta = {
            oid: [now - was for now, was in zip(counts, before.counters.get(oid, (0,) * 4), strict=True)]
            for oid, counts in after.counters.items()
        }
        result["scans"] = sorted(tables[o][0] for o, d in delta.items() if o in tables and d[0] > 0)
        changed = {tables[o][0]: d[1:] for o, d in delta.items() if o in tables and any(n > 0 for n in d[1:])}
        if changed:
            result["changed"] = dict(sorted(changed.items()))
    gone = [tables[o][0] for o in tables if o in before.relations and o not in after.relations]
    for oid, relation in tables.items():
        if oid in before.relations and oid in after.relations:
            was, now = before.relations[oid][5] or {}, after.relations[oid][5] or {}
            # What the revision itself had added is no loss.
            gone += [f"{relation[0]}.{was[n]}" for n in was if n not in now and n in (relation[5] or {})]
    result["lost"] = sorted(gone)
    result["invalid"] = sorted(r[0] for r in after.relations.values() if r[4] is False and r[1] == "i")
    return {key: value for key, value in result.items() if value}


def quoted(cursor: Any, oid: int) -> str:
    """The relation's name as the server writes it in SQL."""
    return str(cursor.execute("SELECT %s::oid::regclass::text", (oid,)).fetchone()[0])


def short(sql: str) -> str:
    """A statement's beginning on one line."""
    return " ".join(sql.split())[:48]


def first_line(error: BaseException) -> str:
    """An error's first line."""
    line = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return re.sub(r" at 0x[0-9a-f]+", "", line)


class Laboratory:
    """One server with a template database that holds the corpus's schema and rows."""

    def __init__(self, server: EmbeddedServer) -> None:
        self.server = server
        self.numbers = itertools.count(1)
        self.admin = psycopg.connect(server.url(), autocommit=True)
        self.admin.execute("CREATE DATABASE corpus")
        with psycopg.connect(server.url("corpus"), autocommit=True) as connection:
            connection.execute(SCHEMA.read_text())
            connection.execute(ROWS.read_text())

    def observe(self, case: Case) -> list[dict[str, Any]]:
        """Run one case in a clone and return a record for each statement; the last may be an error."""
        name = f"case{next(self.numbers)}"
        self.admin.execute(f"CREATE DATABASE {name} TEMPLATE corpus")
        try:
            if case.setup:
                with psycopg.connect(self.server.url(name), autocommit=True) as connection:
                    for statement in parse_script(case.setup):
                        connection.execute(statement.sql)
            run = self._sql_file if case.is_sql else self._revisions
            return run(case, self.server.url(name))
        finally:
            self.admin.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def _revisions(self, case: Case, url: str) -> list[dict[str, Any]]:
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary) / "versions"
            folder.mkdir()
            base = 'revision = "0000"\ndown_revision = None\n\n\ndef upgrade():\n    pass\n'
            (folder / "0000_base.py").write_text(base)
            paths = []
            for number, source in enumerate([*case.earlier, *case.sources], 1):
                paths.append(folder / f"{number:04}_case.py")
                paths[-1].write_text(source)
            engine = sa.create_engine(url.replace("postgresql:", "postgresql+psycopg:"), poolclass=sa.NullPool)
            judged = [str(path) for path in paths[len(case.earlier) :]]
            observer = Observer(engine, folder, judged)
            try:
                self._upgrade(engine, temporary, f"{len(case.earlier):04}", case)
                with engine.connect() as connection:
                    observer.start(connection)
                self._upgrade(engine, temporary, "head", case)
            except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever it raises is the observation
                if not any("error" in record for record in observer.records):
                    line = _line_in(error, judged)
                    text = f"{type(error).__name__}: {first_line(error)}"
                    observer.records.append({"at": line, "sql": "", "error": text.replace(temporary, "")})
            engine.dispose()
            return observer.records

    def _upgrade(self, engine: sa.Engine, folder: str, target: str, case: Case) -> None:
        config = Config()
        config.set_main_option("script_location", folder)
        script = ScriptDirectory.from_config(config)
        migrations = case.policy["migrations"]

        def steps(revision: Any, _context: Any) -> Any:
            return script._upgrade_revs(target, revision)

        with EnvironmentContext(config, script, fn=steps) as environment, engine.connect() as connection:
            environment.configure(
                connection=connection,
                transaction_per_migration=migrations["transaction_per_migration"],
                target_metadata=sa.MetaData(naming_convention=migrations.get("naming_convention")),
            )
            with environment.begin_transaction():
                environment.run_migrations()

    def _sql_file(self, case: Case, url: str) -> list[dict[str, Any]]:
        """Run the file as psql does: each statement commits by itself unless BEGIN says otherwise."""
        records: list[dict[str, Any]] = []
        with psycopg.connect(url, autocommit=True) as connection, psycopg.Cursor(connection) as cursor:
            known = state(cursor).relations
            try:
                statements = parse_script(case.source)
            except ParseError as error:
                line = case.source.count("\n", 0, error.offset or 0) + 1
                return [{"at": [0, line, line], "sql": "", "error": f"42601: {error.message}"}]
            for statement in statements:
                at = [0, *(case.source.count("\n", 0, offset) + 1 for offset in (statement.start, statement.end))]
                alone = bool(_ALONE.search(statement.sql))
                idle = connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
                if idle and not alone:
                    cursor.execute("BEGIN")
                before = state(cursor)
                try:
                    cursor.execute(statement.sql)
                except psycopg.Error as error:
                    text = f"{error.sqlstate}: {first_line(error)}"
                    records.append({"at": at, "sql": short(statement.sql), "error": text})
                    break
                record = difference(cursor, known, before, state(cursor), keeps_nothing=alone)
                records.append({"at": at, "sql": short(statement.sql)} | record)
                if idle and not alone:
                    cursor.execute("COMMIT")
        return records


def _line_in(error: BaseException, judged: list[str]) -> list[int]:
    trace, place = error.__traceback__, [0, 1, 1]
    while trace is not None:
        name = trace.tb_frame.f_code.co_filename
        if name in judged:
            place = [judged.index(name), *lines(trace.tb_frame.f_code, trace.tb_lasti)]
        trace = trace.tb_next
    if isinstance(error, SyntaxError) and error.filename in judged:
        place = [judged.index(error.filename), error.lineno or 1, error.lineno or 1]
    return place
