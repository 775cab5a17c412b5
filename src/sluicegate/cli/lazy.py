"""Groups whose commands are imported when they are asked for, so that one verb never waits for another's imports."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Mapping


class LazyCommands(click.Group):
    """A group whose commands are imported when they are asked for; an import error stays an import error."""

    def __init__(self, *arguments: Any, places: Mapping[str, str], **settings: Any) -> None:
        """Build a group.

        Args:
            arguments: click's own.
            places: verb → ``module:attribute`` of its command.
            settings: click's own.
        """
        super().__init__(*arguments, **settings)
        self._places = places

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the verbs in alphabetical order."""
        return sorted(self._places)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - as above
        """Import one verb."""
        if cmd_name not in self._places:
            return None
        module, attribute = self._places[cmd_name].split(":")
        command = getattr(importlib.import_module(module), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{self._places[cmd_name]} is not a command")
        return command
