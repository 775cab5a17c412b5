"""A slip in judging a statement is said, never passed and never the end of the run."""

from __future__ import annotations

import pytest

from sluicegate.catalog.model import Catalog
from sluicegate.catalog.session import Session
from sluicegate.effects import indexes
from sluicegate.effects.model import Certainty
from sluicegate.effects.predict import predict
from sluicegate.statements.parse import parse_statement


def test_a_slip_of_ours_is_reported_as_something_that_could_not_be_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(context, node):
        raise KeyError("no such part")

    monkeypatch.setattr(indexes, "predict_indexes", broken)
    effects = predict(parse_statement("CREATE INDEX i ON t (a)"), Catalog(), Session(), 18)
    assert effects.certainty is Certainty.UNKNOWN
    assert effects.unknowns == (
        "sluicegate itself failed here (KeyError: 'no such part'); please report the statement",
    )
