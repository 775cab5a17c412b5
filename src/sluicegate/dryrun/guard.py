"""Make the server itself refuse to commit: a dry run inside one transaction must not depend on good manners."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg
    from alembic.runtime.migration import MigrationContext
    from psycopg.rows import TupleRow

    from sluicegate.dryrun.one_transaction import OneTransaction

COMMIT_REFUSED = "SG002"
"""The SQLSTATE with which the guard answers a COMMIT."""

# A deferred constraint trigger runs when the transaction commits, whoever asks for it: SQL text, the driver, a
# migration that calls connection.commit(). Its error turns the commit into a rollback.
_GUARD = """
CREATE TEMPORARY TABLE sluicegate_no_commit (pending boolean);
CREATE FUNCTION pg_temp.sluicegate_refuse_commit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING
        ERRCODE = 'SG002',
        MESSAGE = 'the revision asked for a COMMIT, and a dry run inside one transaction never commits';
END
$$;
CREATE CONSTRAINT TRIGGER sluicegate_no_commit AFTER INSERT ON pg_temp.sluicegate_no_commit
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION pg_temp.sluicegate_refuse_commit();
INSERT INTO pg_temp.sluicegate_no_commit VALUES (true);
"""


def forbid_commit(connection: psycopg.Connection[TupleRow]) -> None:
    """Make the transaction in progress one that can only be rolled back.

    Raises:
        psycopg.Error: the user may not create temporary tables; then there is no dry run on this database.
    """
    connection.execute(_GUARD)


def replace_autocommit_block(context: MigrationContext, way: OneTransaction) -> None:
    """Let ``op.get_context().autocommit_block()`` stay inside the transaction, and the way know that it was asked for.

    Alembic's own fails with an AssertionError when it does not own the transaction (1.13 to 1.20).
    """

    @contextlib.contextmanager
    def block() -> Iterator[None]:
        way.autocommit = True
        try:
            yield
        finally:
            way.autocommit = False

    context.autocommit_block = block  # type: ignore[method-assign]
