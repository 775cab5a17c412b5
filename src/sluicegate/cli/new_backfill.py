"""``sluicegate new backfill``: definition, expand and contract revision, and a test that runs them."""

from __future__ import annotations

import click

from sluicegate.errors import ExitCode, UsageError


@click.command()
@click.argument("name")
@click.option("--table", required=True, metavar="SCHEMA.TABLE", help="The table whose rows are owed something.")
@click.option("--key", "keys", required=True, multiple=True, metavar="COLUMN", help="Its key; repeat it, in order.")
@click.option("--column", required=True, help="The column that takes the value.")
@click.option("--type", "column_type", required=True, metavar="SQL", help="The column's type.")
@click.option("--value", required=True, metavar="SQL", help='What a row gets, over "row": length(row.body)')
@click.option("--where", default="true", show_default=True, metavar="SQL", help='Which rows are owed it, over "row".')
@click.option("--into", metavar="SCHEMA.TABLE", help="A new table beside it that holds the column.")
@click.option(
    "--tracking",
    type=click.Choice(["watermark", "sidecar"]),
    default="watermark",
    show_default=True,
    help="Whether progress is a mark in the key's order, or a state for each key in a table of its own.",
)
@click.option("--sidecar", metavar="SCHEMA.TABLE", help="The table of states; INTO_work unless named.")
@click.option("--source", metavar="SQL", help='With a sidecar: a row is stale when this over "row" changes.')
@click.option(
    "--trigger/--no-trigger",
    default=None,
    help="Have triggers write new and changed rows; they do unless the policy declares the table append-only.",
)
@click.option("--head", "heads", multiple=True, help="The head to build on, where there are several.")
@click.option("--config", help="Alembic's configuration file; alembic.ini or pyproject.toml in DIR unless named.")
@click.option("--tests", default="tests", show_default=True, help="Folder for the test, in the repository.")
@click.option("--dir", "folder", default=".", show_default=True, help="The repository's root.")
def backfill(
    name: str,
    table: str,
    keys: tuple[str, ...],
    column: str,
    column_type: str,
    value: str,
    where: str,
    into: str | None,
    tracking: str,
    sidecar: str | None,
    source: str | None,
    trigger: bool | None,
    heads: tuple[str, ...],
    config: str | None,
    tests: str,
    folder: str,
) -> int:
    """Write a backfill: its definition, the revisions before and after it, and a test that runs all of them.

    The revisions that are there are run on an embedded PostgreSQL to learn the table's types.
    """
    from pathlib import Path

    from sluicegate.rollout.creation import Wanted, create

    if tracking == "watermark" and (sidecar or source):
        raise UsageError("--sidecar and --source belong to --tracking sidecar.", hint="Add it, or leave them out.")
    if tracking == "sidecar" and sidecar is None and into is not None:
        sidecar = f"{into}_work"
    if tracking == "sidecar" and sidecar is None:
        raise UsageError("A sidecar tracks what is written beside the table.", hint="Name that table with --into.")
    root = Path(folder)
    wanted = Wanted(
        name=name,
        table=table,
        key=keys,
        column=column,
        type=column_type,
        value=value,
        where=where,
        into=into,
        sidecar=sidecar,
        source=source,
        trigger=trigger,
        heads=heads,
        tests=tests,
    )
    done = create(root, wanted, config=Path(config).resolve() if config else None)
    for path in done.files:
        click.echo(f"created  {path.relative_to(root.resolve())}")
    if done.to_fill_in:
        click.echo(f"\nGive these columns a value in the test's ROWS: {', '.join(done.to_fill_in)}.")
    click.echo(f"\nNext: review them, then run: sluicegate lint; pytest {done.files[-1].relative_to(root.resolve())}")
    if done.trigger and tracking == "watermark":
        click.echo(
            f"The trigger works --value out with every INSERT and UPDATE of {table}: where that fails for a row, the "
            "application's write of the row fails with it."
        )
    click.echo(f"\nTo deploy: alembic upgrade {done.expand}")
    click.echo(f"Outside the deploy: sluicegate backfill run {done.name}; sluicegate backfill verify {done.name}")
    click.echo(f"With a later deploy: alembic upgrade {done.contract}")
    return ExitCode.CLEAN
