"""States are a table: what may follow what, and nothing else."""

from __future__ import annotations

import re

import pytest

from sluicegate.backfill.states import (
    ANSWERS,
    CHUNK_TRANSITIONS,
    NEXT,
    TRANSITIONS,
    ChunkState,
    RunState,
    StateError,
    Verb,
    answer,
    before,
    check,
)
from sluicegate.store.queries import named


def test_every_state_is_in_the_table() -> None:
    assert set(TRANSITIONS) == set(RunState)
    assert set(CHUNK_TRANSITIONS) == set(ChunkState)


def test_every_state_but_the_first_can_be_reached() -> None:
    assert [state for state in RunState if not before(state)] == [RunState.PLANNED]


def test_only_running_and_what_was_complete_before_lead_to_a_proof() -> None:
    assert set(before(RunState.VERIFIED)) == {
        RunState.PLANNED,
        RunState.FINISHED,
        RunState.FINISHED_WITH_PARKED,
        RunState.VERIFIED,
    }


def test_a_run_can_be_started_again_from_wherever_it_stopped() -> None:
    stopped = set(RunState) - {RunState.RUNNING, RunState.CANCELLING}
    on_request = {RunState.PAUSED, RunState.CANCELLED}
    assert {state for state in stopped if RunState.RUNNING not in TRANSITIONS[state]} == on_request
    assert {state for state in on_request if RunState.INTERRUPTED not in TRANSITIONS[state]} == set()


def test_what_is_asked_leads_only_where_the_table_allows() -> None:
    for verb, answers in ANSWERS.items():
        for state, following in answers.items():
            assert state == following or following in TRANSITIONS[state], (verb, state)
            assert answer("0003_x", verb, state) is following


def test_every_state_says_what_can_be_done_there() -> None:
    assert set(NEXT) == set(RunState)
    with pytest.raises(StateError) as refused:
        answer("0003_x", Verb.TUNE, RunState.FAILED)
    assert refused.value.message == "Backfill 0003_x is failed; tune does nothing there."
    assert refused.value.hint == (
        "Remove the cause (sluicegate backfill status 0003_x); then: sluicegate backfill run 0003_x"
    )


def test_a_forbidden_move_is_refused_with_what_is_allowed() -> None:
    with pytest.raises(StateError) as refused:
        check("0003_x", RunState.PAUSED, RunState.VERIFIED)
    assert refused.value.message == "Backfill 0003_x is paused; it cannot become verified from there."
    assert refused.value.hint == "From here it can become: cancelled, interrupted."
    check("0003_x", RunState.PAUSED, RunState.INTERRUPTED)


@pytest.mark.parametrize(("table", "states"), [("create_backfill", RunState), ("create_chunk", ChunkState)])
def test_the_database_knows_the_same_states(table: str, states: type[RunState | ChunkState]) -> None:
    constraint = named("schema_1.sql")[table].split("state_check CHECK")[1]
    assert set(re.findall(r"'(\w+)'", constraint)) == {str(state) for state in states}
