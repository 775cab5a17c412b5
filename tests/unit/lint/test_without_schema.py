"""SQL files judged without a schema remember what they said themselves of tables that nobody showed."""

from __future__ import annotations

from pathlib import Path

import pytest

from sluicegate.lint.run import LintRequest, run_lint

POLICY = '[session]\nlock_timeout = "3s"\n'
PROOF = "ALTER TABLE a ADD CONSTRAINT c CHECK (x IS NOT NULL) NOT VALID;\nALTER TABLE a VALIDATE CONSTRAINT c;\n"
SET = "ALTER TABLE a ALTER COLUMN x SET NOT NULL;\n"


@pytest.fixture
def found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Judge SQL texts, one file each, in order."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "safety").mkdir()
    (tmp_path / "safety" / "policy.toml").write_text(POLICY)

    def judged(*texts: str) -> list[str]:
        paths = [Path(f"{number}.sql") for number in range(len(texts))]
        for path, text in zip(paths, texts, strict=True):
            path.write_text(text)
        report = run_lint(LintRequest(sql=tuple(paths)))
        return [f"{f.rule} {f.location.file}:{f.location.line}" for f in report.findings if f.level != "info"]

    return judged


def test_a_validated_check_proves_not_null_in_the_same_file_and_in_a_later_one(found) -> None:
    assert found(PROOF + SET) == []
    assert found(PROOF, SET + "ALTER TABLE a DROP CONSTRAINT c;\n") == []


@pytest.mark.parametrize(
    "between",
    [
        "ALTER TABLE a DROP CONSTRAINT c;\n",
        "ALTER TABLE a RENAME COLUMN x TO old; -- sluicegate: allow[rename-column] tested\n",
        "DROP TABLE IF EXISTS a; -- sluicegate: allow[drop-table] tested\n",
        "ALTER TABLE a RENAME TO b; -- sluicegate: allow[rename-table] tested\n",
    ],
)
def test_a_proof_that_is_gone_proves_nothing(found, between: str) -> None:
    assert [line for line in found(PROOF + between + SET) if "set-not-null" in line] == ["set-not-null-scan 0.sql:4"]


def test_a_check_that_nobody_validated_proves_nothing(found) -> None:
    assert found(PROOF.splitlines()[0] + "\n" + SET) == ["set-not-null-scan 0.sql:2"]


def test_a_policy_made_for_a_table_that_nobody_showed_is_one(found) -> None:
    enable = "ALTER TABLE a ENABLE ROW LEVEL SECURITY;\n"
    assert found(enable + "CREATE POLICY own ON a USING (true);\n") == []
    assert found(enable) == ["row-security-without-policy 0.sql:1"]


def test_a_partition_whose_check_was_validated_is_not_said_to_be_read(found) -> None:
    bound = "ALTER TABLE p1 ADD CONSTRAINT b CHECK (d IS NOT NULL AND d >= 1 AND d < 9) NOT VALID;\n"
    attach = "ALTER TABLE p ATTACH PARTITION p1 FOR VALUES FROM (1) TO (9);\n"
    assert found(bound + "ALTER TABLE p1 VALIDATE CONSTRAINT b;\n" + attach) == ["could-not-judge 0.sql:3"]
    assert "attach-partition-scan 0.sql:2" in found(bound + attach)


def test_an_index_of_a_partitioned_table_is_built_a_partition_at_a_time(found) -> None:
    assert (
        found(
            "CREATE INDEX i ON ONLY p (a);\n"
            "CREATE INDEX CONCURRENTLY i1 ON p1 (a);\n"
            "ALTER INDEX i ATTACH PARTITION i1;\n"
        )
        == []
    )


def test_a_view_that_is_refreshed_concurrently_is_taken_to_have_its_index(found) -> None:
    assert found("REFRESH MATERIALIZED VIEW CONCURRENTLY mv;\n") == ["could-not-judge 0.sql:1"]


def test_a_guarded_change_that_takes_a_moment_needs_no_certainty(found) -> None:
    block = "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_constraint WHERE conname = 'c') THEN {} END IF; END $$;\n"
    assert found(block.format("ALTER TABLE a ADD CONSTRAINT c CHECK (x IS NOT NULL) NOT VALID;")) == []
    assert "check-validated-at-once 0.sql:1" in found(
        block.format("ALTER TABLE a ADD CONSTRAINT c CHECK (x IS NOT NULL);")
    )


def test_the_way_back_is_not_run_after_the_way_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    up, down = Path("1_x.up.sql"), Path("1_x.down.sql")
    up.write_text("ALTER TABLE a ADD COLUMN x int;\n")
    down.write_text("ALTER TABLE a DROP COLUMN x;\n")
    both = run_lint(LintRequest(sql=(down, up)))
    assert [f.rule for f in both.findings if f.level == "error"] == []
    assert "1_x.down.sql takes 1_x.up.sql back and is not judged beside it; to judge it, give it alone." in both.notes
    assert "drop-column" in [f.rule for f in run_lint(LintRequest(sql=(down,))).findings]
