"""safety/policy.toml as a value: what a team has decided about its database and its rules."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sluicegate.errors import UsageError
from sluicegate.findings import Level
from sluicegate.settings.keys import KEYS, PASSED_THROUGH, Refused, qualified, read_level, vector_name
from sluicegate.settings.toml_lines import line_of

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_PATH = Path("safety/policy.toml")
"""Where the policy is looked for, relative to the project's folder."""


@dataclass(frozen=True, slots=True)
class RuleSettings:
    """What ``[rules]`` says about one rule: ``level`` is a level's name, ``off`` or None (the rule's own)."""

    level: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Policy:
    """A team's decisions; every attribute is documented in ``sluicegate.settings.keys.KEYS``.

    Attributes:
        path: the file it was read from; None for the defaults.
        tables_rows: ``schema.table`` → rows.
        durations: rates by name, where the policy has its own.
        vectors: ``schema.table.column`` → dimension.
        rules: rule name → what ``[rules]`` says; names and options are checked where the rules are known.
        operational: the tables that other parts read, such as ``backfill``.
    """

    path: Path | None = None
    postgresql: int = 16
    pgvector: str = "0.8.0"
    timezone: str | None = None
    search_path: tuple[str, ...] = ("public",)
    lock_timeout: str | None = None
    statement_timeout: str | None = None
    longest_lock_timeout: str = "10s"
    directory: str | None = None
    transaction_per_migration: bool = False
    version_table: str = "alembic_version"
    naming_convention: Mapping[str, str] = field(default_factory=dict)
    append_only: tuple[str, ...] = ()
    exempt: tuple[str, ...] = ()
    small_rows: int = 10_000
    small_bytes: int = 100_000_000
    durations: Mapping[str, float] = field(default_factory=dict)
    tables_rows: Mapping[str, int] = field(default_factory=dict)
    vectors: Mapping[str, int] = field(default_factory=dict)
    max_age_days: int = 30
    fail_on: Level = Level.ERROR
    database: str | None = None
    cluster: str | None = None
    rules: Mapping[str, RuleSettings] = field(default_factory=dict)
    operational: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def root(self) -> Path:
        """The project's folder, against which relative paths are read: the one above ``safety/``."""
        if self.path is None:
            return Path.cwd()
        folder = self.path.resolve().parent
        return folder.parent if folder.name == DEFAULT_PATH.parent.name else folder

    @property
    def pgvector_version(self) -> tuple[int, ...]:
        """The version of pgvector as numbers, for comparisons."""
        return tuple(int(part) for part in self.pgvector.split("."))

    @property
    def session_settings(self) -> dict[str, str]:
        """Settings in force before the first revision, by lower-case name."""
        known = {
            "lock_timeout": self.lock_timeout,
            "statement_timeout": self.statement_timeout,
            "timezone": self.timezone,
        }
        return {name: value for name, value in known.items() if value is not None}

    def refuse(self, table: str, key: str, what: str, accepted: str) -> UsageError:
        """Build the error for something in this file that makes no sense."""
        place = f"{self.path}" if self.path else "policy"
        line = line_of(self.path.read_text(encoding="utf-8"), table, key) if self.path else None
        where = f"{place}, line {line}" if line else place
        return UsageError(f"{where}: {what}", hint=f"Accepted: {accepted}.")


def load_policy(path: Path | None) -> Policy:
    """Read a policy file; None gives the defaults.

    Raises:
        UsageError: the file is missing, is no TOML, or holds a table, key or value that is not known. The names of
            rules and their options are checked by ``sluicegate.rules.kit.catalogue.check_policy``.
    """
    if path is None:
        return Policy()
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"There is no policy file at {path}.", hint="Write one with: sluicegate init") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is no valid TOML: {error}", hint="Correct the file at that place.") from error
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read: {error.strerror}.", hint="Name another file with --policy."
        ) from error
    return _Reader(path).policy(content)


def find_policy(start: Path) -> Path | None:
    """Return ``safety/policy.toml`` of the folder or of the nearest folder above it that has one."""
    for folder in (start.resolve(), *start.resolve().parents):
        if (folder / DEFAULT_PATH).is_file():
            return folder / DEFAULT_PATH
        if (folder / ".git").exists():
            return None  # a policy above the repository belongs to something else
    return None


# Keys whose attribute in Policy is not simply the key's name.
_ATTRIBUTES = {("tables.rows", "*"): "tables_rows", ("vectors", "*"): "vectors"}
_OWN_NAMES = {"tables.rows": qualified, "vectors": vector_name}


class _Reader:
    """Turns TOML's tables into a Policy and refuses everything that KEYS does not name."""

    def __init__(self, path: Path) -> None:
        self._bare = Policy(path=path)

    def policy(self, content: dict[str, Any]) -> Policy:
        known = {key.table.split(".")[0] for key in KEYS} | {"rules", *PASSED_THROUGH}
        values: dict[str, Any] = {}
        for table, body in content.items():
            if table not in known:
                raise self._bare.refuse(
                    "", table, f"{table!r} is not known.", ", ".join(f"[{n}]" for n in sorted(known))
                )
            if not isinstance(body, dict):
                raise self._bare.refuse(
                    "", table, f"{table!r} is a table, not a value.", f"[{table}] on a line of its own"
                )
            if table == "rules":
                values["rules"] = {name: self._rule(name, entry) for name, entry in body.items()}
            elif table == "durations":
                values["durations"] = self._table(table, body)
            elif table not in PASSED_THROUGH:
                values |= self._table(table, body)
        values["operational"] = {name: content[name] for name in PASSED_THROUGH if name in content}
        if "fail_on" in values:
            values["fail_on"] = Level(values["fail_on"])
        return Policy(path=self._bare.path, **values)

    def _table(self, table: str, body: dict[str, Any]) -> dict[str, Any]:
        keys = {key.name: key for key in KEYS if key.table == table}
        if "*" in keys:
            return {_ATTRIBUTES[table, "*"]: self._own_names(table, body)}
        values: dict[str, Any] = {}
        for name, value in body.items():
            if any(key.table == f"{table}.{name}" for key in KEYS):
                if not isinstance(value, dict):
                    raise self._bare.refuse(table, name, f"[{table}] {name} = {value!r} is refused.", "a table")
                values |= self._table(f"{table}.{name}", value)
                continue
            if name not in keys:
                raise self._bare.refuse(table, name, f"[{table}] {name} is not known.", ", ".join(sorted(keys)))
            values[name] = self._value(table, name, value)
        return values

    def _own_names(self, table: str, body: dict[str, Any]) -> dict[str, Any]:
        values = {}
        for name, value in body.items():
            try:
                full_name = _OWN_NAMES[table](name)
            except Refused as refused:
                raise self._bare.refuse(table, name, f"[{table}] {name!r} is no such name.", refused.accepted) from None
            values[full_name] = self._value(table, name, value, key_name="*")
        return values

    def _value(self, table: str, name: str, value: Any, key_name: str | None = None) -> Any:
        key = next(key for key in KEYS if key.table == table and key.name == (key_name or name))
        try:
            return key.read(value)
        except Refused as refused:
            raise self._bare.refuse(
                table, name, f"[{table}] {name} = {value!r} is refused.", refused.accepted
            ) from None

    def _rule(self, name: str, entry: Any) -> RuleSettings:
        table = "rules"
        try:
            if not isinstance(entry, dict):
                return RuleSettings(level=read_level(entry))
            table, options = f"rules.{name}", dict(entry)
            level = options.pop("level", None)
            return RuleSettings(level=None if level is None else read_level(level), options=options)
        except Refused as refused:
            key, value = ("level", entry["level"]) if isinstance(entry, dict) else (name, entry)
            raise self._bare.refuse(table, key, f"[{table}] {key} = {value!r} is refused.", refused.accepted) from None
