"""`sluicegate lint` gives the verdict that a careful reviewer gives, case by case."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from typing import Any

import pytest

from corpus.case import HERE, OBSERVED, load
from corpus.verdicts import disagreement, noise

CASES = load()
RECORD = json.loads(OBSERVED.read_text())
OPEN = tomllib.loads((HERE / "open.toml").read_text())
"""Disagreements that are known: the case's id → why it is still open."""


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the linter says of each case."""
    path = tmp_path_factory.mktemp("corpus") / "answers.json"
    # A process of its own: it forks for every revision, and a test process may have threads.
    subprocess.run([sys.executable, "-m", "corpus.measure", path], cwd=HERE.parent, check=True)
    return json.loads(path.read_text())


def test_the_linter_gives_each_case_its_verdict(answers: dict[str, Any], request: pytest.FixtureRequest) -> None:
    found = {c.id: text for c in CASES if (text := disagreement(c, answers[c.id], RECORD[c.id]["runs"]))}
    if reporter := request.config.pluginmanager.get_plugin("terminalreporter"):
        scored = sum(case.scored for case in CASES)
        reporter.write_line(f"\n{scored - len(found)} of {scored} verdicts agree ({1 - len(found) / scored:.1%})")
    assert [f"{place(case)}\n    {text}" for case, text in found.items() if case not in OPEN] == []
    assert sorted(set(OPEN) - set(found)) == [], "these agree by now: take them out of open.toml"


def test_safe_changes_draw_no_warning(answers: dict[str, Any]) -> None:
    assert [f"{place(case.id)}: {text}" for case in CASES if (text := noise(case, answers[case.id]))] == []


def place(name: str) -> str:
    case = next(case for case in CASES if case.id == name)
    return f"{case.topic}.md:{case.line}: {case.name} [{case.verdict}]"
