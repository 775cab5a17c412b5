"""The command line: one module per verb, each imported only when it is called."""

from __future__ import annotations

import os
import sys

import click

from sluicegate import __version__
from sluicegate.cli.lazy import LazyCommands
from sluicegate.errors import ExitCode, SluicegateError

COMMANDS = {
    "backfill": "sluicegate.cli.backfill:backfill",
    "dry-run": "sluicegate.cli.dry_run:dry_run",
    "explain": "sluicegate.cli.explain:explain",
    "init": "sluicegate.cli.init:init",
    "lint": "sluicegate.cli.lint:lint",
    "new": "sluicegate.cli.new:new",
    "rule": "sluicegate.cli.rule:rule",
    "rules": "sluicegate.cli.rules:rules",
    "snapshot": "sluicegate.cli.snapshot:snapshot",
}
"""Verb → where its command lives. A verb's module imports what it needs inside the command."""


@click.group(cls=LazyCommands, places=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="sluicegate")
@click.option("--debug", is_flag=True, envvar="SLUICEGATE_DEBUG", help="Show the traceback when something fails.")
@click.pass_context
def cli(ctx: click.Context, debug: bool) -> None:
    """Judge, try and roll out PostgreSQL and pgvector migrations, and move the data behind them.

    Exit codes: 0 clean, 1 findings at the failing level, 2 usage or configuration, 3 could not judge,
    4 server or run failure.
    """
    ctx.meta["sluicegate.debug"] = debug


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and leave the process with a documented exit code."""
    sys.exit(run(arguments))


def run(arguments: list[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    debug = "--debug" in given or bool(os.environ.get("SLUICEGATE_DEBUG"))
    try:
        result = cli.main(args=given, prog_name="sluicegate", standalone_mode=False)
    except click.exceptions.Exit as leaving:
        return leaving.exit_code
    except click.Abort:
        click.echo("Stopped.", err=True)
        return 130
    except click.ClickException as error:
        error.show()
        return int(ExitCode.USAGE)
    except SluicegateError as error:
        if debug:
            raise
        _show(error)
        return int(error.exit_code)
    except BrokenPipeError:
        # The reader of our output left (`| head`); what it saw was correct.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return int(ExitCode.CLEAN)
    return result if isinstance(result, int) else int(ExitCode.CLEAN)


def _show(error: SluicegateError) -> None:
    click.echo(f"Error: {error.message}", err=True)
    cause = error.__cause__
    while cause is not None:
        text = str(cause).strip() or type(cause).__name__
        if text not in error.message:
            click.echo(f"  because: {text}", err=True)
        cause = cause.__cause__
    if error.hint:
        click.echo(f"  {error.hint}", err=True)
