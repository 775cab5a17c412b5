"""The reference of the command line, made from the commands' own help."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sluicegate.cli import COMMANDS, cli

if TYPE_CHECKING:
    from collections.abc import Iterator


def command_reference() -> str:
    """Return docs/cli.md: each command's ``--help``, as the terminal prints it at 100 columns."""
    blocks = ["# The command line", "Made from `--help`; `scripts/docs` writes this page.", _help(cli, "sluicegate")]
    for name in sorted(COMMANDS):
        context = click.Context(cli, info_name="sluicegate")
        command = cli.get_command(context, name)
        if command is not None:
            blocks += _command(command, f"sluicegate {name}")
    return "\n\n".join(blocks) + "\n"


def _command(command: click.Command, path: str) -> Iterator[str]:
    yield f"## {path}"
    yield _help(command, path)
    if isinstance(command, click.Group):
        context = click.Context(command, info_name=path)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            if inner is not None:
                yield from _command(inner, f"{path} {name}")


def _help(command: click.Command, path: str) -> str:
    # A command keeps the help option it was first asked for, so it is asked with the names that a run uses.
    names = cli.context_settings["help_option_names"]
    context = click.Context(command, info_name=path, max_content_width=100, terminal_width=100, help_option_names=names)
    return f"```text\n{command.get_help(context)}\n```"
