"""``--output FORMAT=PATH``: reports in files, beside the one on standard output."""

from __future__ import annotations

from pathlib import Path

import click

from sluicegate.errors import UsageError
from sluicegate.render.formats import FORMATS


class OutputFile(click.ParamType[tuple[str, Path]]):
    """The type of ``--output``: a format's name and a path, with an equals sign between them."""

    name = "FORMAT=PATH"

    def convert(
        self, value: str | tuple[str, Path], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, Path]:
        """Read the option's text."""
        if isinstance(value, tuple):
            return value
        name, _, path = value.partition("=")
        if name not in FORMATS or not path:
            self.fail(f"{value!r} is not FORMAT=PATH; the formats are {', '.join(FORMATS)}.", param, ctx)
        return name, Path(path)


def write_report(path: Path, text: str) -> None:
    """Write a report, making the folders above it.

    Raises:
        UsageError: the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"The report {path} cannot be written: {error.strerror}.", hint="Name another place with --output."
        ) from error
