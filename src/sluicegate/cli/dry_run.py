"""``sluicegate dry-run``: run revisions for real where it does no harm, and say what each line does to the server."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from sluicegate.dryrun.report import DryRun
    from sluicegate.dryrun.request import Request, Server
    from sluicegate.errors import ExitCode
    from sluicegate.settings.policy import Policy

_TIMEOUTS = {"lock_timeout": "1s", "statement_timeout": "10s"}
_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
_FOLDER = click.Path(path_type=Path, exists=True, file_okay=False)


@click.command("dry-run")
@click.option(
    "--rev", "revs", multiple=True, metavar="REV", help="Try this revision, or a range a:b (after a, up to b)."
)
@click.option("--at", multiple=True, metavar="REV", help="The revision that the schema already has.")
@click.option("--schema", type=_FILE, help="Production's schema, as pg_dump --schema-only prints it.")
@click.option(
    "--no-snapshot", is_flag=True, help="Leave out the snapshot beside the policy, and run the whole history."
)
@click.option(
    "--pg-version", type=click.IntRange(14, 18), help="PostgreSQL of the embedded server; the policy's otherwise."
)
@click.option(
    "--database-url",
    metavar="URL",
    help="Make clones on this server instead of the embedded one; with --in-transaction: the database itself.",
)
@click.option(
    "--copy-database", is_flag=True, help="Clone --database-url itself, rows and all; nobody may be using it."
)
@click.option(
    "--in-transaction", is_flag=True, help="Run everything in one transaction on --database-url; roll it back."
)
@click.option(
    "--lock-timeout", metavar="TIME", help="With --in-transaction: the longest wait for a lock; 1s if not set."
)
@click.option(
    "--statement-timeout", metavar="TIME", help="With --in-transaction: the longest statement; 10s if not set."
)
@click.option("--migrations", type=_FOLDER, help="The Alembic script folder or a folder of revisions.")
@click.option("--config", "-c", type=_FILE, help="alembic.ini or pyproject.toml.")
@click.option("--policy", "policy_file", type=_FILE, help="The policy; safety/policy.toml otherwise.")
@click.option("--format", "output", type=click.Choice(["text", "json"]), default="text", show_default=True)
def dry_run(
    revs: tuple[str, ...],
    at: tuple[str, ...],
    schema: Path | None,
    no_snapshot: bool,
    pg_version: int | None,
    database_url: str | None,
    copy_database: bool,
    in_transaction: bool,
    lock_timeout: str | None,
    statement_timeout: str | None,
    migrations: Path | None,
    config: Path | None,
    policy_file: Path | None,
    output: str,
) -> ExitCode:
    """Run pending revisions for real, and report the locks, rewrites, scans and index builds of every line.

    By default on a clone that is thrown away, on an embedded PostgreSQL: of production's schema with --schema and --at
    or by the snapshot beside the policy, else of what the earlier revisions build. The clone holds no rows, so what
    only rows decide is not tried: NULLs, duplicates, orphans, durations.

    With --copy-database on a clone of a database that you name, with its rows and from its own position.

    With --in-transaction on a database that you name: everything in one transaction that cannot commit, is rolled
    back, and is proved to have changed nothing. Its locks are real while it runs.

    Exit codes: 0 everything ran, as predicted; 1 the server refused a statement, a gate is closed, or a prediction was
    wrong; 2 usage; 3 a revision could not be run to its end, or a statement not at all; 4 the server failed.
    """
    import dataclasses
    import shutil
    import sys

    from sluicegate.cli.signals import termination_as_interrupt
    from sluicegate.dryrun.run import try_in_transaction, try_on_clone, try_on_copy
    from sluicegate.render.dryrun import WIDTH, render_json, render_text

    if not (at or schema or database_url or no_snapshot):
        at, schema = _snapshot(migrations, config, policy_file)
    _refuse_contradictions(at, schema, pg_version, database_url, copy_database=copy_database, alone=in_transaction)
    request, policy = _request(revs, at, migrations, config, policy_file)
    with termination_as_interrupt():
        if in_transaction:
            asked = {"lock_timeout": lock_timeout, "statement_timeout": statement_timeout}
            settings = {**request.environment.settings, **_timeouts(asked, policy)}
            environment = dataclasses.replace(request.environment, settings=settings)
            run: DryRun = try_in_transaction(dataclasses.replace(request, environment=environment), database_url or "")
        else:
            with _server(database_url, pg_version, policy) as server:
                run = try_on_copy(request, server) if copy_database else try_on_clone(request, server, schema)
    if sys.stderr.isatty():
        click.echo("\r\x1b[2K", err=True, nl=False)
    terminal = sys.stdout.isatty() and output == "text"
    width = shutil.get_terminal_size().columns if terminal else WIDTH
    click.echo(render_json(run) if output == "json" else render_text(run, width=width, color=terminal), nl=False)
    return run.exit_code


def _snapshot(
    migrations: Path | None, config: Path | None, policy_file: Path | None
) -> tuple[tuple[str, ...], Path | None]:
    """Return where production is and what its schema is, by the snapshot beside the policy; nothing without one."""
    from sluicegate.settings.policy import find_policy, load_policy
    from sluicegate.snapshot.stored import SCHEMA, find_snapshot

    start = config or migrations or Path.cwd()
    snapshot = find_snapshot(load_policy(policy_file or find_policy(start if start.is_dir() else start.parent)))
    if snapshot is None or not snapshot.facts.heads:
        return (), None
    taken = snapshot.facts.taken_at.strftime("%Y-%m-%d")
    click.echo(f"On the snapshot of {taken}, which is at {', '.join(snapshot.facts.heads)}.", err=True)
    return snapshot.facts.heads, snapshot.folder / SCHEMA


def _refuse_contradictions(
    at: tuple[str, ...],
    schema: Path | None,
    pg_version: int | None,
    database_url: str | None,
    *,
    copy_database: bool,
    alone: bool,
) -> None:
    from sluicegate.errors import UsageError

    if alone and copy_database:
        raise UsageError("--in-transaction tries the database itself and --copy-database a copy: choose one.")
    option = "--in-transaction" if alone else "--copy-database"
    if (alone or copy_database) and database_url is None:
        raise UsageError(f"{option} needs a database.", hint="Name it with --database-url.")
    if (alone or copy_database) and schema is not None:
        raise UsageError(f"{option} uses the schema that the database has: leave --schema out.")
    if pg_version is not None and database_url is not None:
        raise UsageError("--pg-version chooses the embedded server, and --database-url names another.")
    if schema is not None and not at:
        raise UsageError("--schema needs the revision that production is at.", hint="Say it with --at.")


def _request(
    revs: tuple[str, ...], at: tuple[str, ...], migrations: Path | None, config: Path | None, policy_file: Path | None
) -> tuple[Request, Policy]:
    """Find policy, environment and revisions, as ``lint`` finds them."""
    import sluicegate.rollout.operations  # noqa: F401 - registers the operations that revisions expect on `op`
    from sluicegate.capture.location import find_script_location
    from sluicegate.dryrun.request import Request
    from sluicegate.dryrun.scripts import Scripts
    from sluicegate.dryrun.upgrade import Environment
    from sluicegate.lint.convention import naming_convention
    from sluicegate.lint.project import read_environment
    from sluicegate.settings.policy import find_policy, load_policy
    from sluicegate.snapshot.load import load_catalog

    start = config or migrations or Path.cwd()
    policy = load_policy(policy_file or find_policy(start if start.is_dir() else start.parent))
    if migrations is None and config is None and policy.directory is not None:
        location = find_script_location(migrations=policy.root / policy.directory)
    else:
        location = find_script_location(config, migrations=migrations)
    said = read_environment(location.directory / "env.py")
    schema, _, table = policy.version_table.rpartition(".")
    environment = Environment(
        transaction_per_migration=policy.transaction_per_migration or said.transaction_per_migration,
        version_table=table,
        version_table_schema=schema or None,
        naming_convention=policy.naming_convention
        or naming_convention(location.directory / "env.py", (*location.import_paths, location.working_directory)),
        settings={**said.settings, **policy.session_settings, **_search_path(policy)},
    )
    scripts = Scripts(location)
    position = tuple(revision for name in at for revision in scripts.resolve(name))
    return Request(scripts, environment, position, revs, load_catalog, _narrator()), policy


def _timeouts(asked: Mapping[str, str | None], policy: Policy) -> dict[str, str]:
    """Return the timeouts of --in-transaction: from the command line, the policy's [dry-run], or short ones."""
    from sluicegate.errors import SettingError
    from sluicegate.settings.keys import Refused, read_duration

    table = policy.operational.get("dry-run", {})
    if unknown := sorted(set(table) - set(_TIMEOUTS)):
        raise policy.refuse("dry-run", unknown[0], f"[dry-run] has no key {unknown[0]!r}", ", ".join(_TIMEOUTS))
    found = {}
    for name, default in _TIMEOUTS.items():
        flag = f"--{name.replace('_', '-')}"
        value, origin = (asked[name], flag) if asked[name] is not None else (table.get(name, default), f"{policy.path}")
        try:
            found[name] = read_duration(value)
        except Refused as refused:
            raise SettingError(name, value, origin, refused.accepted) from None
    return found


def _search_path(policy: Policy) -> dict[str, str]:
    if policy.search_path == ("public",):
        return {}
    quoted = ('"' + name.replace('"', '""') + '"' for name in policy.search_path)
    return {"search_path": ", ".join(quoted)}


def _narrator() -> Callable[[str], None]:
    """Return what tells a person at a terminal how far the run is."""
    import sys

    if not sys.stderr.isatty():
        return lambda _: None
    return lambda revision: click.echo(f"\r\x1b[2Krevision {revision}", err=True, nl=False)


@contextlib.contextmanager
def _server(database_url: str | None, pg_version: int | None, policy: Policy) -> Iterator[Server]:
    """Yield where to make clones: the embedded server for as long as it is needed, or the one that was named."""
    from sluicegate.dryrun.request import Server
    from sluicegate.pg.connect import connect, describe
    from sluicegate.pg.embedded import VERSIONS, temporary_server

    if database_url is not None:
        with connect(database_url) as connection:
            version = connection.info.server_version // 10_000
        yield Server(database_url, version, ours=False, described=f"PostgreSQL {version}, {describe(database_url)}")
        return
    # A policy may name a version that the wheel does not hold; locks hardly differ, and a newer one knows more syntax.
    version = pg_version or next((known for known in VERSIONS if known >= policy.postgresql), VERSIONS[-1])
    instead = f" (the policy says {policy.postgresql})" if pg_version is None and version != policy.postgresql else ""
    with temporary_server(version) as embedded:
        yield Server(embedded.url(), version, ours=True, described=f"an embedded PostgreSQL {version}{instead}")
