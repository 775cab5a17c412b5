"""States are a table: what may follow what, and nothing else."""

from __future__ import annotations

import re

import pytest

from sluicegate.backfill.states import CHUNK_TRANSITIONS, TRANSITIONS, ChunkState, RunState, StateError, before, check
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
    assert {state for state in stopped if RunState.RUNNING not in TRANSITIONS[state]} == set()


def test_a_forbidden_move_is_refused_with_what_is_allowed() -> None:
    with pytest.raises(StateError) as refused:
        check("0003_x", RunState.PAUSED, RunState.VERIFIED)
    assert refused.value.message == "Backfill 0003_x is paused; it cannot become verified from there."
    assert refused.value.hint == "From here it can become: cancelled, running."
    check("0003_x", RunState.PAUSED, RunState.RUNNING)


@pytest.mark.parametrize(("table", "states"), [("create_backfill", RunState), ("create_chunk", ChunkState)])
def test_the_database_knows_the_same_states(table: str, states: type[RunState | ChunkState]) -> None:
    constraint = named("schema_1.sql")[table].split("state_check CHECK")[1]
    assert set(re.findall(r"'(\w+)'", constraint)) == {str(state) for state in states}
