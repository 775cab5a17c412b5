"""``sluicegate snapshot``: bring production's schema and sizes into the repository."""

from __future__ import annotations

from pathlib import Path

import click

from sluicegate.errors import ExitCode


@click.group()
def snapshot() -> None:
    """Keep production's schema and sizes beside the policy, without rows and without credentials.

    `sluicegate lint` then judges what production does not have yet on the schema that it really has, and says how long
    each change would take at its size.
    """


@snapshot.command()
@click.option(
    "--database-url",
    envvar=["SLUICEGATE_DATABASE_URL", "DATABASE_URL"],
    required=True,
    help="The database; SLUICEGATE_DATABASE_URL or DATABASE_URL unless given. A standby will do; it is only read.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder to write; snapshot/ beside the policy otherwise.",
)
@click.option(
    "--policy",
    "policy_file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The policy; safety/policy.toml otherwise.",
)
def take(database_url: str, output: Path | None, policy_file: Path | None) -> int:
    """Write schema.sql and facts.json.

    schema.sql is what `pg_dump --schema-only` prints, without passwords of foreign servers. facts.json holds, for each
    table, estimated rows and bytes of table, indexes and TOAST; the server's version and settings; extensions; and the
    revisions in Alembic's version table. No row is read. Both come from one moment: a read-only transaction with short
    timeouts.
    """
    from datetime import UTC, datetime

    from sluicegate.settings.policy import find_policy, load_policy
    from sluicegate.snapshot.stored import snapshot_folder, store_snapshot
    from sluicegate.snapshot.take import take_snapshot

    policy = load_policy(policy_file or find_policy(Path.cwd()))
    taken = take_snapshot(database_url, version_table=policy.version_table, now=datetime.now(UTC))
    for path in store_snapshot(output or snapshot_folder(policy), taken.schema, taken.facts):
        click.echo(f"written  {path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}")
    facts = taken.facts
    at = "no version table" if facts.heads is None else f"at {', '.join(facts.heads) or 'no revision'}"
    tables = f"{len(facts.relations)} table{'' if len(facts.relations) == 1 else 's'}"
    click.echo(f"\nPostgreSQL {facts.server_version}, {tables}, {at}; schema by {taken.pg_dump}.")
    return ExitCode.CLEAN
