"""Run this repository's revisions on the database that DATABASE_URL names.

Every revision commits on its own (``transaction_per_migration``): a lock taken by one is not held through the next.
"""

from __future__ import annotations

import os

from alembic import context
from sqlalchemy import create_engine, pool

import sluicegate.rollout.operations  # noqa: F401 - registers op.require_backfill

config = context.config


def database_url() -> str:
    """Return the target's URL, from the caller or the environment; there is no default to hit by accident."""
    url = config.attributes.get("database_url") or os.environ.get("DATABASE_URL")
    if not url:
        raise SystemExit("DATABASE_URL is not set: export it as postgresql://user@host/database and run again.")
    for scheme in ("postgresql://", "postgres://"):
        if url.startswith(scheme):
            return "postgresql+psycopg://" + url.removeprefix(scheme)
    return str(url)


def run_offline() -> None:
    """Print the SQL instead of running it."""
    context.configure(dialect_name="postgresql", literal_binds=True, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()


def run_online() -> None:
    """Run the revisions."""
    engine = create_engine(database_url(), poolclass=pool.NullPool)
    with engine.connect() as connection:
        context.configure(connection=connection, transaction_per_migration=True)
        with context.begin_transaction():
            context.run_migrations()


if context.is_offline_mode():
    run_offline()
else:
    run_online()
