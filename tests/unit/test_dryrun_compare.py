"""A prediction is held against the server field by field, and what only rows decide is no contradiction."""

from __future__ import annotations

import pytest

from sluicegate.dryrun.compare import compare
from sluicegate.dryrun.observation import Method, Observation
from sluicegate.effects.model import Certainty, Effects, InTransaction, LockMode, Refusal
from sluicegate.findings import Evidence
from sluicegate.statements.parse import parse_statement

ALTER = parse_statement("ALTER TABLE t ALTER a TYPE bigint")
INSERT = parse_statement("INSERT INTO t SELECT * FROM u")
AX, S, RX, RS, SUX = (
    LockMode.AccessExclusiveLock,
    LockMode.ShareLock,
    LockMode.RowExclusiveLock,
    LockMode.RowShareLock,
    LockMode.ShareUpdateExclusiveLock,
)


def verdict(
    predicted: Effects | None, observation: Observation, statement: object = ALTER
) -> tuple[Evidence, list[str]]:
    comparison = compare(predicted, observation, statement, with_rows=False)
    return comparison.evidence, [str(difference) for difference in comparison.differences]


def test_the_same_effects_are_confirmed() -> None:
    effects = Effects(locks={"public.t": AX}, rewrites=frozenset({"public.t"}), scans=frozenset({"public.t"}))
    assert verdict(effects, Observation(effects)) == (Evidence.CONFIRMED, [])


def test_each_difference_is_named() -> None:
    predicted = Effects(locks={"public.t": S, "public.u": AX}, rewrites=frozenset({"public.t"}))
    observed = Effects(locks={"public.t": AX}, scans=frozenset({"public.t"}), index_builds=frozenset({"public.t"}))
    assert verdict(predicted, Observation(observed)) == (
        Evidence.CONTRADICTED,
        [
            "locks on public.t: predicted ShareLock, observed AccessExclusiveLock",
            "locks on public.u: predicted AccessExclusiveLock, observed none",
            "rewrites on public.t: predicted yes, observed no",
            "index_builds on public.t: predicted no, observed yes",
            "scans on public.t: predicted no, observed yes",
        ],
    )


def test_a_lock_that_was_held_already_cannot_be_seen_again() -> None:
    predicted = Effects(locks={"public.t": AX})
    held = {"public.t": frozenset({AX})}
    assert verdict(predicted, Observation(Effects(), held=held)) == (Evidence.CONFIRMED, [])
    assert verdict(predicted, Observation(Effects(locks={"public.t": S}), held=held)) == (Evidence.CONFIRMED, [])
    weaker = {"public.t": frozenset({S})}
    assert verdict(predicted, Observation(Effects(), held=weaker))[0] is Evidence.CONTRADICTED
    assert verdict(Effects(locks={"public.t": S}), Observation(Effects(locks={"public.t": AX}), held=weaker))[0] is (
        Evidence.CONTRADICTED
    )


def test_what_is_not_known_is_not_contradicted() -> None:
    unknown = Effects(certainty=Certainty.UNKNOWN, unknowns=("the type of x",))
    observation = Observation(Effects(locks={"public.t": AX}))
    assert compare(unknown, observation, ALTER, with_rows=False).notes == ("the type of x",)
    assert verdict(unknown, observation) == (Evidence.OBSERVED_ONLY, [])
    assert verdict(None, observation) == (Evidence.OBSERVED_ONLY, [])


@pytest.mark.parametrize("method", [Method.NOT_RUN, Method.STRIPPED])
def test_what_did_not_run_as_written_confirms_nothing(method: Method) -> None:
    assert verdict(Effects(), Observation(Effects(locks={"public.t": AX}), method=method)) == (Evidence.PREDICTED, [])


def test_errors_are_compared_by_sqlstate() -> None:
    refused = Effects(error=Refusal("42703", 'column "a" does not exist'))
    assert verdict(refused, Observation(Effects(error=Refusal("42703", "other words"))))[0] is Evidence.CONFIRMED
    assert verdict(refused, Observation(Effects())) == (
        Evidence.CONTRADICTED,
        ['error: predicted 42703: column "a" does not exist, observed that it succeeds'],
    )
    assert verdict(Effects(), Observation(Effects(error=Refusal("42P01", "no t")))) == (
        Evidence.CONTRADICTED,
        ["error: predicted that it succeeds, observed 42P01: no t"],
    )


@pytest.mark.parametrize("sqlstate", ["23502", "23505", "22P02", "55P03", "57014", "40P01", "P0001", "53200"])
def test_errors_of_rows_or_of_the_moment_contradict_nothing(sqlstate: str) -> None:
    observation = Observation(Effects(error=Refusal(sqlstate, "…")))
    assert verdict(Effects(locks={"public.t": AX}), observation) == (Evidence.OBSERVED_ONLY, [])


def test_an_error_of_rows_cannot_be_missed_without_rows() -> None:
    predicted = Effects(error=Refusal("23502", "t.a holds NULL"))
    without = compare(predicted, Observation(Effects()), ALTER, with_rows=False)
    assert (without.evidence, without.notes) == (
        Evidence.OBSERVED_ONLY,
        ("without rows it cannot fail with 23502: t.a holds NULL",),
    )
    assert compare(predicted, Observation(Effects()), ALTER, with_rows=True).evidence is Evidence.CONTRADICTED


def test_a_transaction_block_that_was_forbidden_only_by_us_is_a_contradiction() -> None:
    predicted = Effects(in_transaction=InTransaction.FORBIDDEN)
    assert verdict(predicted, Observation(Effects())) == (
        Evidence.CONTRADICTED,
        ["in_transaction: predicted forbidden, observed allowed"],
    )


def test_plans_of_an_empty_clone_contradict_nothing() -> None:
    predicted = Effects(locks={"public.t": RX, "public.parent": RS, "public.u_id_seq": RX})
    observed = Effects(locks={"public.t": RX}, scans=frozenset({"public.u"}))
    comparison = compare(predicted, Observation(observed), INSERT, with_rows=False)
    assert comparison.evidence is Evidence.CONFIRMED
    assert comparison.notes == ("which tables it reads in full depends on how many rows they hold",)
    assert verdict(predicted, Observation(observed), ALTER)[0] is Evidence.CONTRADICTED
    assert compare(predicted, Observation(observed), INSERT, with_rows=True).evidence is Evidence.CONTRADICTED


def test_obstacles_see_no_weak_and_no_index_locks() -> None:
    predicted = Effects(
        locks={"public.t": SUX, "public.u": RS},
        index_locks={"public.i": SUX},
        in_transaction=InTransaction.FORBIDDEN,
    )
    observed = Effects(locks={"public.t": SUX}, in_transaction=InTransaction.FORBIDDEN)
    assert verdict(predicted, Observation(observed, method=Method.BLOCKED)) == (Evidence.CONFIRMED, [])


def test_locks_that_obstacles_may_have_missed_are_not_compared() -> None:
    observed = Effects(certainty=Certainty.UNKNOWN, unknowns=("somebody was in the way",))
    comparison = compare(
        Effects(locks={"public.t": SUX}), Observation(observed, method=Method.BLOCKED), ALTER, with_rows=False
    )
    assert (comparison.evidence, comparison.notes) == (Evidence.CONFIRMED, ("somebody was in the way",))


@pytest.mark.parametrize("sql", ["ALTER INDEX i SET (m = 32)", "ALTER INDEX i RESET (m)"])
def test_the_lock_of_index_options_depends_on_a_loaded_library(sql: str) -> None:
    predicted, observed = Effects(index_locks={"public.i": SUX}), Effects(index_locks={"public.i": AX})
    comparison = compare(predicted, Observation(observed), parse_statement(sql), with_rows=True)
    assert comparison.evidence is Evidence.CONFIRMED
    assert comparison.notes == ("the lock on the index depends on whether the session has loaded the index's library",)
    assert verdict(predicted, Observation(observed), parse_statement("ALTER INDEX i RENAME TO j"))[0] is (
        Evidence.CONTRADICTED
    )
