"""A script is judged to its end, also where we cannot follow one of its statements."""

from __future__ import annotations

import pytest

from sluicegate.catalog.model import Catalog
from sluicegate.catalog.replay.apply import STEPS
from sluicegate.catalog.session import Session
from sluicegate.effects.model import Certainty
from sluicegate.effects.script import judge_script


def test_a_replay_that_fails_makes_its_statement_unknown_and_does_not_end_the_script(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(draft, node):
        raise KeyError("no such part")

    monkeypatch.setitem(STEPS, "index_stmt", broken)
    script = "CREATE TABLE a (x int); CREATE INDEX i ON a (x); DROP TABLE b"
    judged = judge_script(script, Catalog(complete=True), Session(), 18)
    followed, broken_off, after = (one.effects for one in judged.statements)
    assert followed.certainty is Certainty.CERTAIN
    assert after.error is None  # what cannot be followed may have created the table
    assert broken_off.certainty is Certainty.UNKNOWN
    assert broken_off.unknowns == (
        "sluicegate itself failed here (KeyError: 'no such part'); please report the statement",
    )
