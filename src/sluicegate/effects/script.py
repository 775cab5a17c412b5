"""A script judged statement by statement, each against the schema that the ones before it leave."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sluicegate.catalog.timeline import Timeline
from sluicegate.effects.model import Certainty, Effects, Refusal
from sluicegate.effects.predict import predict
from sluicegate.statements.script import Unreadable, read_script

if TYPE_CHECKING:
    from sluicegate.catalog.model import Catalog
    from sluicegate.catalog.session import Session
    from sluicegate.statements.parse import Statement


@dataclass(frozen=True, slots=True)
class Judged:
    """A statement of a script, or a part of it that cannot be read, with its effects."""

    statement: Statement | Unreadable
    effects: Effects


@dataclass(frozen=True, slots=True)
class Judgement:
    """A script's statements in order, and the schema after them."""

    statements: tuple[Judged, ...]
    catalog: Catalog


def judge_script(text: str, catalog: Catalog, session: Session, version: int) -> Judgement:
    """Predict each statement of a script in order.

    BEGIN, COMMIT, ROLLBACK and savepoints in it are followed; without them each statement is a transaction of its
    own. A statement that the server rejects changes nothing, and inside a transaction block it spoils the rest.

    Args:
        text: the script; psql's meta-commands and COPY data are passed over.
        catalog: the schema before it.
        session: the settings it starts with.
        version: the server's major version.
    """
    timeline = Timeline(catalog, session)
    judged = []
    for statement in read_script(text):
        if isinstance(statement, Unreadable):
            judged.append(Judged(statement, _unreadable(statement)))
            continue
        timeline.start()
        if timeline.failed and not _ends_transaction(statement):
            effects = Effects(
                error=Refusal(
                    "25P02", "current transaction is aborted, commands ignored until end of transaction block"
                )
            )
        else:
            effects = predict(statement, timeline.catalog, timeline.session, version)
            if effects.error is None:
                slip = timeline.advance(statement)
                effects = effects if slip is None else effects.uncertain(str(slip))
            elif timeline.session.in_transaction:
                timeline.failed = True
        judged.append(Judged(statement, effects))
    return Judgement(tuple(judged), timeline.catalog)


def _ends_transaction(statement: Statement) -> bool:
    from postgast import pg_query_pb2 as pg

    return statement.kind == "transaction_stmt" and statement.node.kind in {
        pg.TRANS_STMT_COMMIT,
        pg.TRANS_STMT_ROLLBACK,
        pg.TRANS_STMT_ROLLBACK_TO,
        pg.TRANS_STMT_PREPARE,
    }


def _unreadable(part: Unreadable) -> Effects:
    return Effects(
        error=Refusal(part.error.sqlstate, part.error.message),
        certainty=Certainty.UNKNOWN,
        unknowns=("the statement could not be read",),
    )
