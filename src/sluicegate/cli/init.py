"""``sluicegate init``: prepare an existing Alembic repository."""

from __future__ import annotations

import click

from sluicegate.errors import ExitCode


@click.command()
@click.argument("folder", default=".", metavar="[DIR]")
@click.option("--config", help="Alembic's configuration file; alembic.ini or pyproject.toml in DIR unless named.")
@click.option(
    "--head", "heads", multiple=True, help="Head to build on, where there are several; repeat it to merge them."
)
def init(folder: str, config: str | None, heads: tuple[str, ...]) -> int:
    """Write what sluicegate needs into an Alembic repository; nothing that is there is changed.

    A revision that creates the schema in which backfills keep their progress, the folder backfills/, and
    safety/policy.toml with every key explained.
    """
    from pathlib import Path

    from sluicegate.rollout.installation import install

    root = Path(folder)
    done = install(root, config=Path(config).resolve() if config else None, heads=heads)
    for path in done.created:
        click.echo(f"created  {_shown(path)}")
    for path in done.kept:
        click.echo(f"kept     {_shown(path)}")
    if done.needs_import:
        click.echo("\nAdd to env.py, so that op.require_backfill is known:\n\n    import sluicegate.rollout.operations")
    if done.created:
        click.echo(f"\nNext: review revision {done.revision}, then run: alembic upgrade head")
    else:
        click.echo("\nEverything was there already.")
    return ExitCode.CLEAN


def _shown(path: object) -> str:
    from pathlib import Path

    absolute = Path(str(path)).resolve()
    return str(absolute.relative_to(Path.cwd())) if absolute.is_relative_to(Path.cwd()) else str(absolute)
