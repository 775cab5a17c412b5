"""Every label of the corpus follows from what PostgreSQL 16 and 18 did, and the record of it is current."""

from __future__ import annotations

import json

import pytest

from corpus.case import OBSERVED, Case, Verdict, load
from corpus.labels import contradictions

CASES = load()
RECORD = json.loads(OBSERVED.read_text())


def test_every_case_was_observed_as_it_is_written_now() -> None:
    stale = [case.id for case in CASES if RECORD.get(case.id, {}).get("digest") != case.digest]
    assert stale == [], "run scripts/corpus"
    assert set(RECORD) == {case.id for case in CASES}


@pytest.mark.parametrize("topic", sorted({case.topic for case in CASES}))
def test_labels_follow_from_what_the_servers_did(topic: str) -> None:
    assert [text for case in CASES if case.topic == topic for text in refuted(case)] == []


def refuted(case: Case) -> list[str]:
    return [
        f"{case.name}: {text}"
        for key, records in RECORD[case.id]["runs"].items()
        for version in key.split(", ")
        for text in contradictions(case, int(version), records)
    ]


def test_safe_look_alikes_are_about_half() -> None:
    scored = [case for case in CASES if case.scored]
    refused = sum(case.verdict in (Verdict.REFUSE, Verdict.CANNOT_TELL) for case in scored)
    assert 0.35 <= refused / len(scored) <= 0.65
