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
@click.option("--no-hook", is_flag=True, help="Do not have Alembic lint each revision as it is written.")
def init(folder: str, config: str | None, heads: tuple[str, ...], no_hook: bool) -> int:
    """Write what sluicegate needs into an Alembic repository.

    A revision that creates the schema in which backfills keep their progress, the folder backfills/, and
    safety/policy.toml with every key explained. Of what is there, only Alembic's configuration is changed: `alembic
    revision` lints the new file by itself, unless other write hooks are set or --no-hook is given.
    """
    from pathlib import Path

    from sluicegate.rollout.installation import install
    from sluicegate.rollout.write_hook import INI, TOML

    root = Path(folder)
    done = install(root, config=Path(config).resolve() if config else None, heads=heads, hook=not no_hook)
    for path in done.created:
        click.echo(f"created  {_shown(path)}")
    for path in done.kept:
        click.echo(f"kept     {_shown(path)}")
    if done.hooked:
        click.echo(f"changed  {_shown(done.hooked)}: alembic revision lints what it writes")
    if done.other_hooks:
        text = TOML if done.other_hooks.suffix == ".toml" else INI
        click.echo(
            f"\n{_shown(done.other_hooks)} has other write hooks. To lint new revisions, add this one to them:\n"
        )
        click.echo("\n".join(f"    {line}" for line in text.splitlines()))
    if done.needs_import:
        click.echo("\nAdd to env.py, so that op.require_backfill is known:\n\n    import sluicegate.rollout.operations")
    if done.created:
        click.echo(f"\nNext: review revision {done.revision}, then run: alembic upgrade head")
    elif not done.hooked:
        click.echo("\nEverything was there already.")
    return ExitCode.CLEAN


def _shown(path: object) -> str:
    from pathlib import Path

    absolute = Path(str(path)).resolve()
    return str(absolute.relative_to(Path.cwd())) if absolute.is_relative_to(Path.cwd()) else str(absolute)
