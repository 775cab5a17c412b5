"""Prediction beside observation, field by field: what agrees, what the data decides, and what we got wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sluicegate.dryrun.observation import Method
from sluicegate.effects.model import Certainty, Effects, InTransaction, LockMode
from sluicegate.findings import Evidence

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sluicegate.dryrun.observation import Observation
    from sluicegate.statements.parse import Statement

# Classes of SQLSTATEs that depend on rows (22 data exception, 23 integrity violation, 54 a limit exceeded) or on the
# moment (40 rollback, 53 resources, 55 object state, 57 intervention, P0 raised by a function): the schema alone cannot
# foretell them.
_UNFORESEEABLE = ("22", "23", "40", "53", "54", "55", "57", "P0")
_CHOSEN_BY_PLAN = frozenset(
    {
        *("select_stmt", "insert_stmt", "update_stmt", "delete_stmt", "merge_stmt", "copy_stmt", "execute_stmt"),
        *("create_table_as_stmt", "refresh_mat_view_stmt", "do_stmt", "call_stmt"),
    }
)
"""Statements whose reads the planner chooses by the number of rows, which a clone does not have."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One claim of the prediction that the server contradicts.

    Attributes:
        field: ``locks``, ``index_locks``, ``rewrites``, ``scans``, ``index_builds``, ``in_transaction`` or ``error``.
        subject: the relation, or empty.
        predicted: what we said, in words.
        observed: what the server did, in words.
    """

    field: str
    subject: str
    predicted: str
    observed: str

    def __str__(self) -> str:
        where = f" on {self.subject}" if self.subject else ""
        return f"{self.field}{where}: predicted {self.predicted}, observed {self.observed}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """How a prediction did.

    Attributes:
        evidence: CONFIRMED, CONTRADICTED, OBSERVED_ONLY when there was no prediction to hold against the server, or
            PREDICTED when the server was not asked.
        differences: what is contradicted.
        notes: what could not be compared and why, one phrase each.
    """

    evidence: Evidence
    differences: tuple[Difference, ...] = ()
    notes: tuple[str, ...] = ()


def compare(
    predicted: Effects | None, observation: Observation | None, statement: Statement | None, *, with_rows: bool
) -> Comparison:
    """Hold a prediction against what the server did.

    Args:
        predicted: what we said; None when nothing could be said.
        observation: what the server did; None when it was not asked.
        statement: what ran, where it can be parsed.
        with_rows: whether the database held production's rows; without them plans differ and checks cannot fail.
    """
    if observation is None or observation.method in (Method.NOT_RUN, Method.STRIPPED):
        return Comparison(Evidence.PREDICTED)
    if predicted is None:
        return Comparison(Evidence.OBSERVED_ONLY)
    if predicted.certainty is Certainty.UNKNOWN:
        return Comparison(Evidence.OBSERVED_ONLY, notes=predicted.unknowns)
    observed = observation.effects
    if predicted.error is not None or observed.error is not None:
        return _compare_errors(predicted, observed, with_rows=with_rows)
    by_plan = statement is None or statement.kind in _CHOSEN_BY_PLAN
    differences: list[Difference] = []
    notes: list[str] = []
    if predicted.in_transaction is not observed.in_transaction:
        differences.append(Difference("in_transaction", "", predicted.in_transaction, observed.in_transaction))
    if observed.certainty is Certainty.UNKNOWN:
        notes += observed.unknowns
    else:
        differences += _compare_locks("locks", predicted.locks, observation, by_plan=by_plan, with_rows=with_rows)
        if observation.method is Method.IN_TRANSACTION:
            if statement is not None and _sets_index_options(statement):
                notes.append("the lock on the index depends on whether the session has loaded the index's library")
            else:
                differences += _compare_locks(
                    "index_locks", predicted.index_locks, observation, by_plan=True, with_rows=False
                )
    differences += _compare_names("rewrites", predicted.rewrites, observed.rewrites)
    differences += _compare_names("index_builds", predicted.index_builds, observed.index_builds)
    scans = _compare_names("scans", predicted.scans, observed.scans)
    if scans and by_plan:
        notes.append("which tables it reads in full depends on how many rows they hold")
    else:
        differences += scans
    evidence = Evidence.CONTRADICTED if differences else Evidence.CONFIRMED
    return Comparison(evidence, tuple(differences), tuple(notes))


def _compare_errors(predicted: Effects, observed: Effects, *, with_rows: bool) -> Comparison:
    said, seen = predicted.error, observed.error
    if said is not None and seen is not None:
        if said.sqlstate == seen.sqlstate:
            return Comparison(Evidence.CONFIRMED)
        return _contradicted(str(said), str(seen))
    if seen is not None:
        if seen.sqlstate.startswith(_UNFORESEEABLE):
            note = "; ".join(predicted.depends_on_data) or "this error depends on rows or on the moment"
            return Comparison(Evidence.OBSERVED_ONLY, notes=(note,))
        return _contradicted("that it succeeds", str(seen))
    if said is not None and said.sqlstate.startswith(_UNFORESEEABLE) and not with_rows:
        return Comparison(Evidence.OBSERVED_ONLY, notes=(f"without rows it cannot fail with {said}",))
    return _contradicted(str(said), "that it succeeds")


def _contradicted(predicted: str, observed: str) -> Comparison:
    return Comparison(Evidence.CONTRADICTED, (Difference("error", "", predicted, observed),))


def _compare_locks(
    field: str, predicted: Mapping[str, LockMode], observation: Observation, *, by_plan: bool, with_rows: bool
) -> list[Difference]:
    observed = observation.effects.locks if field == "locks" else observation.effects.index_locks
    found = []
    for relation in sorted({*predicted, *observed}):
        said, seen = predicted.get(relation), observed.get(relation)
        if said == seen or _invisible(said, seen, observation.held.get(relation, frozenset())):
            continue
        strongest = max(mode for mode in (said, seen) if mode is not None)
        if observation.method is Method.BLOCKED and seen is None and strongest < LockMode.RowExclusiveLock:
            continue  # nothing can stand in the way of a lock that weak
        weak = strongest <= LockMode.RowExclusiveLock and not with_rows
        if weak and (seen is None or (said is None and by_plan)):
            continue  # locks of a plan, and of triggers and defaults that only a row sets off
        found.append(Difference(field, relation, said.name if said else "none", seen.name if seen else "none"))
    return found


def _sets_index_options(statement: Statement) -> bool:
    """Tell whether ALTER INDEX sets options: those of a library that is not loaded yet are taken for weaker ones."""
    if statement.kind != "alter_table_stmt":
        return False
    options = {"AT_SetRelOptions", "AT_ResetRelOptions"}
    return all(
        node.alter_table_cmd.DESCRIPTOR.fields_by_name["subtype"]
        .enum_type.values_by_number[node.alter_table_cmd.subtype]
        .name
        in options
        for node in statement.node.cmds
    )


def _invisible(said: LockMode | None, seen: LockMode | None, held: frozenset[LockMode]) -> bool:
    """Tell whether the predicted lock was held already, so that taking it again did not show."""
    return said is not None and said in held and (seen is None or seen < said)


def _compare_names(field: str, predicted: frozenset[str], observed: frozenset[str]) -> list[Difference]:
    return [
        Difference(field, name, "yes" if name in predicted else "no", "yes" if name in observed else "no")
        for name in sorted(predicted ^ observed)
    ]


def forbidden_in_transaction(effects: Effects | None) -> bool:
    """Tell whether a prediction says that the statement runs only outside a transaction block."""
    return effects is not None and effects.in_transaction is InTransaction.FORBIDDEN
