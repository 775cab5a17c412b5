"""A contract revision waits for the backfills since the contract before it, by the names of files and revisions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sluicegate.capture.model import CapturedRevision, CapturedStatement, CaptureMode
from sluicegate.catalog.dump import load_script
from sluicegate.findings import Level, Location
from sluicegate.lint.engine import Judge
from sluicegate.lint.project import ProjectFiles
from sluicegate.settings.policy import Policy

SCHEMA = "CREATE SCHEMA sluicegate; CREATE FUNCTION sluicegate.require_backfill(text) RETURNS void LANGUAGE sql AS '';"
SOURCE = "revision = 'x'\n\n\ndef upgrade():\n    pass\n"


@dataclass
class History:
    folder: Path
    revisions: list[CapturedRevision]

    def add(self, name: str, file: str, *sql: str) -> History:
        place = Location(file, 5, 5, 5, 9)
        statements = tuple(CapturedStatement(text, place, place, 1) for text in sql)
        parents = (self.revisions[-1].revision or "",) if self.revisions else ()
        captured = CapturedRevision(name, parents, file, CaptureMode.RECORDED, statements, source=SOURCE)
        self.revisions.append(captured)
        return self

    def backfill(self, name: str) -> History:
        (self.folder / "backfills").mkdir(exist_ok=True)
        (self.folder / "backfills" / f"{name}_fill.py").touch()
        return self

    def findings(self) -> list[tuple[str | None, int, str]]:
        judge = Judge(Policy(), 16, project=ProjectFiles(self.folder))
        report = judge.report(self.revisions, load_script(SCHEMA, version=16))
        found = [f for f in report.findings if f.level is not Level.INFO]
        return [(f.revision, f.location.line, f"{f.rule}: {f.message}") for f in found]


def test_a_contract_without_the_gate_of_its_backfill_is_refused(tmp_path):
    history = History(tmp_path, []).add("0001", "0001_expand_a.py").backfill("0001").add("0002", "0002_contract_a.py")
    assert history.findings() == [
        (
            "0002",
            4,
            (
                "contract-without-gate: Backfill 0001 (backfills/0001_fill.py) must be verified before this contract "
                "revision, and nothing here waits for that."
            ),
        )
    ]


def test_with_the_gate_it_passes(tmp_path):
    history = History(tmp_path, []).add("0001", "0001_expand_a.py").backfill("0001")
    history.add("0002", "0002_contract_a.py", "SELECT sluicegate.require_backfill('0001')")
    assert history.findings() == []


def test_the_gate_of_another_backfill_is_not_enough(tmp_path):
    history = History(tmp_path, []).add("0001", "0001_expand_a.py").backfill("0001")
    history.add("0002", "0002_expand_b.py").backfill("0002")
    history.add("0003", "0003_contract_a.py", "SELECT sluicegate.require_backfill('0001')")
    assert [(revision, text[:21]) for revision, _, text in history.findings()] == [("0003", "contract-without-gate")]


def test_a_contract_answers_only_for_what_came_after_the_contract_before_it(tmp_path):
    history = History(tmp_path, []).add("0001", "0001_expand_a.py").backfill("0001")
    history.add("0002", "0002_contract_a.py", "SELECT sluicegate.require_backfill('0001')")
    history.add("0003", "0003_expand_b.py").add("0004", "0004_contract_b.py")
    assert history.findings() == []


def test_an_expand_revision_needs_no_gate(tmp_path):
    history = History(tmp_path, []).add("0001", "0001_expand_a.py").backfill("0001").add("0002", "0002_expand_b.py")
    assert history.findings() == []
