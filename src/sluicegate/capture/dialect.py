"""SQLAlchemy's PostgreSQL dialect as psycopg has it, over the recording driver and with the catalog for a server."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import pool
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.json import JSONPathType
from sqlalchemy.dialects.postgresql.psycopg import PGCompiler_psycopg, PGDialect_psycopg
from sqlalchemy.engine import URL, Connection, Engine, create_engine

from sluicegate.capture import dbapi
from sluicegate.capture.literals import JsonValue, MultirangeValue, RangeValue
from sluicegate.capture.reflection import CatalogReflection

if TYPE_CHECKING:
    from sluicegate.capture.recorder import Recorder

_LEVELS = {level.name.replace("_", " "): level for level in dbapi.IsolationLevel}


_SENTINEL_COLUMN = re.compile(r"p\d+")


class ParameterCompiler(PGCompiler_psycopg):
    """Leaves out the casts around parameters where the project's driver writes parameters into the text itself.

    psycopg 2 does; there a bound text is a literal of unknown type, which the server takes for what its place needs.
    """

    def render_bind_cast(self, type_: Any, dbapi_type: Any, sqltext: str) -> str:
        """Return a parameter with its cast, where it has one."""
        recorder = getattr(self.dialect, "recorder", None)
        typed = recorder is None or recorder.typed_parameters or isinstance(dbapi_type, JSONPathType)
        if typed or _SENTINEL_COLUMN.fullmatch(sqltext):
            return str(super().render_bind_cast(type_, dbapi_type, sqltext))  # type: ignore[no-untyped-call]
        return sqltext


class RecordingDialect(CatalogReflection, PGDialect_psycopg):  # type: ignore[misc]
    """PostgreSQL for revisions: renders as the real dialect, asks nothing of a server."""

    driver = "psycopg"
    statement_compiler = ParameterCompiler
    supports_statement_cache = True
    # Whoever updates a row gets 0 back, as there are no rows; the unit of work must not take that for a conflict.
    supports_sane_rowcount = False
    supports_sane_multi_rowcount = False

    _isolation_lookup = _LEVELS
    _psycopg_Json = JsonValue  # noqa: N815 - SQLAlchemy's name
    _psycopg_Jsonb = JsonValue  # noqa: N815 - SQLAlchemy's name
    _psycopg_Range = RangeValue  # noqa: N815 - SQLAlchemy's name
    _psycopg_Multirange = MultirangeValue  # noqa: N815 - SQLAlchemy's name
    _psycopg_TransactionStatus = dbapi.TransactionStatus  # noqa: N815 - SQLAlchemy's name

    def __init__(self, recorder: Recorder | None = None, **options: Any) -> None:
        """Build the dialect of a recorder; an engine that a revision builds from our URL gets the one at work."""
        self.recorder = recorder if recorder is not None else _at_work[-1]
        # Given a driver, PGDialect_psycopg.__init__ would load psycopg's adapters for it.
        super().__init__(use_native_hstore=False, **{**options, "dbapi": None})  # type: ignore[no-untyped-call]
        self.dbapi = cast("Any", dbapi)

    @classmethod
    def import_dbapi(cls) -> Any:
        """Return the recording driver."""
        return dbapi

    def initialize(self, connection: Any) -> None:
        """Set what a real connection would tell, before PGDialect reads it."""
        super().initialize(connection)  # type: ignore[no-untyped-call]
        self.server_version_info = (self.recorder.version, 0)

    def _get_server_version_info(self, connection: Any) -> tuple[int, ...]:  # noqa: ARG002 - as the real one
        return (self.recorder.version, 0)

    def _get_default_schema_name(self, connection: Any) -> str:  # noqa: ARG002 - as the real one
        return self.search_path[0]

    def _set_backslash_escapes(self, connection: Any) -> None:  # noqa: ARG002 - as the real one
        self._backslash_escapes = False

    def get_default_isolation_level(self, dbapi_conn: Any) -> Any:  # noqa: ARG002 - as the real one
        """Return the server's default."""
        return "READ COMMITTED"

    def get_isolation_level(self, dbapi_connection: Any) -> Any:
        """Return the level in force, without a statement."""
        if dbapi_connection.autocommit:
            return "AUTOCOMMIT"
        level = dbapi_connection.isolation_level
        return "READ COMMITTED" if level is None else str(level.name).replace("_", " ")

    def connect(self, *_: Any, **__: Any) -> Any:
        """Open another session of the recorder."""
        return dbapi.RecordingConnection(self.recorder, self.recorder.new_session())

    def do_ping(self, dbapi_connection: Any) -> bool:  # noqa: ARG002 - as the real one
        """Be there."""
        return True

    def is_disconnect(self, e: Any, connection: Any, cursor: Any) -> bool:  # noqa: ARG002 - as the real one
        """Never be gone."""
        return False


_at_work: list[Recorder] = []
_NAME = "sluicegate_recording"
registry.register(f"postgresql.{_NAME}", __name__, RecordingDialect.__name__)


class RecordingServer:
    """An engine over a recorder; the history runs in one session, a revision may open others."""

    def __init__(self, recorder: Recorder) -> None:
        """Build the engine."""
        _at_work.append(recorder)
        self.recorder = recorder
        self.session = dbapi.RecordingConnection(recorder, recorder.main)
        self._lend = False
        self.engine: Engine = create_engine(
            URL.create(f"postgresql+{_NAME}"),
            recorder=recorder,
            creator=self._open,
            poolclass=pool.NullPool,
            pool_reset_on_return=None,  # closing rolls back; nobody asked for a ROLLBACK
        )

    def connect(self) -> Connection:
        """Return a fresh SQLAlchemy connection over the history's own session."""
        self.session.forget()
        self._lend = True
        try:
            return self.engine.connect()
        finally:
            self._lend = False

    def _open(self) -> dbapi.RecordingConnection:
        if self._lend:
            return self.session
        return dbapi.RecordingConnection(self.recorder, self.recorder.new_session())
