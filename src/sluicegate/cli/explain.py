"""``sluicegate explain``: what each statement of an SQL file would do to a server, without one."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.catalog.model import Catalog
    from sluicegate.effects.script import Judged

VERSIONS = ("14", "15", "16", "17", "18")


@click.command()
@click.argument("files", nargs=-1, type=click.Path(allow_dash=True), metavar="[FILE]...")
@click.option("-c", "--command", "commands", multiple=True, metavar="SQL", help="Judge this SQL; may be repeated.")
@click.option(
    "--schema",
    type=click.Path(),
    metavar="SCHEMA.sql",
    help="The schema it meets: the output of pg_dump --schema-only, or any script that creates it.",
)
@click.option(
    "--pg-version", type=click.Choice(VERSIONS), default="18", show_default=True, help="The server's version."
)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--timezone", default="UTC", show_default=True, metavar="TZ", help="The session's TimeZone setting.")
def explain(
    files: tuple[str, ...], commands: tuple[str, ...], schema: str | None, pg_version: str, form: str, timezone: str
) -> int:
    """Say what SQL would do: which locks it takes and who waits, what it rewrites or reads, what it destroys.

    Nothing is run. Without --schema, what depends on the shape of a table that the SQL does not create itself is
    reported as not known. Transactions and SET in the SQL are followed; otherwise each statement stands alone.
    Several files are taken in the order given, each on the schema that the ones before it leave.

    Exit codes: 0 everything was judged, 2 usage or unreadable file, 3 a part is not SQL that PostgreSQL reads.
    """
    from sluicegate.catalog.session import Session
    from sluicegate.effects.script import judge_script
    from sluicegate.errors import ExitCode, UsageError
    from sluicegate.statements.script import Unreadable

    if not files and not commands:
        raise UsageError("There is nothing to explain.", hint="Name an SQL file, or give SQL with -c.")
    version = int(pg_version)
    catalog = _catalog(schema, version)
    session = Session(timezone=timezone)
    texts: list[tuple[str | None, str]] = [(None, sql) for sql in commands]
    texts += [(name, _read(name)) for name in files]
    judged = []
    for name, text in texts:
        judgement = judge_script(text, catalog, session, version)
        judged += [(name, text, item) for item in judgement.statements]
        catalog = judgement.catalog
    if form == "json":
        import json

        entries = [_entry(name, text, item) for name, text, item in judged]
        click.echo(json.dumps({"statements": entries}, indent=2, ensure_ascii=False))
    else:
        for line in _lines(judged):
            click.echo(line)
    broken = any(isinstance(item.statement, Unreadable) for _, _, item in judged)
    return int(ExitCode.COULD_NOT_JUDGE if broken else ExitCode.CLEAN)


def _read(name: str) -> str:
    from sluicegate.errors import UsageError

    if name == "-":
        return str(sys.stdin.read())
    try:
        return Path(name).read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{name} cannot be read: {error.strerror}.", hint="Check the path.") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{name} is not UTF-8 text.", hint="Convert it, or name another file.") from error


def _catalog(schema: str | None, version: int) -> Catalog:
    from sluicegate.catalog.dump import load_script
    from sluicegate.catalog.model import Catalog
    from sluicegate.errors import CouldNotJudgeError, ParseError

    if schema is None:
        return Catalog(complete=False, version=version)
    text = _read(schema)
    try:
        return load_script(text, version=version)
    except ParseError as error:
        line = text.count("\n", 0, error.offset or 0) + 1
        raise CouldNotJudgeError(
            f"The schema {schema} is not SQL that PostgreSQL reads (line {line}): {error.message}",
            hint="Take it anew with pg_dump --schema-only.",
        ) from error


def _entry(name: str | None, text: str, item: Judged) -> dict[str, object]:
    place: dict[str, object] = {"sql": item.statement.sql, **item.effects.as_json()}
    place["file"] = name
    place["line"] = text.count("\n", 0, item.statement.start) + 1
    return place


def _lines(judged: list[tuple[str | None, str, Judged]]) -> Iterator[str]:
    from sluicegate.render.effects import describe

    for number, (name, text, item) in enumerate(judged):
        if number:
            yield ""
        line = text.count("\n", 0, item.statement.start) + 1
        place = f"{name}:{line}: " if name is not None else ""
        yield f"{place}{' '.join(item.statement.sql.split())}"
        lines = list(describe(item.effects))
        for said in lines or ["takes no lock on a table, rewrites and reads nothing"]:
            yield f"  {said}"
