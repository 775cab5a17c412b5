"""Generated and mangled SQL never ends a lint run, and what does not parse never passes."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sluicegate.errors import ExitCode, ParseError
from sluicegate.lint.run import LintRequest, run_lint
from sluicegate.statements.parse import parse_script

FORMS = Path(__file__).resolve().parents[2] / "postgres" / "forms" / "data"
FRAGMENTS = ["(", ")", "'", '"', ";", "--", "/*", "*/", "$$", "é", "\0", "::", ",", " ", "\\", "$1", "[", "E'\\x'"]


@cache
def forms() -> list[str]:
    """Return the statements that the servers measured."""
    lines = (path.read_text(encoding="utf-8").splitlines() for path in sorted(FORMS.glob("*.jsonl")))
    return [json.loads(line)["sql"] for file in lines for line in file]


@st.composite
def mangled(draw: st.DrawFn) -> str:
    """Draw a statement, damaged in one of the ways in which people and generators damage SQL."""
    sql = draw(st.sampled_from(forms()))
    words = sql.split()
    how = draw(st.sampled_from(["as it is", "insert", "cut", "drop a word", "swap a word", "splice", "nest", "text"]))
    if how == "insert":
        at = draw(st.integers(0, len(sql)))
        return sql[:at] + draw(st.sampled_from(FRAGMENTS)) + sql[at:]
    if how == "cut":
        return sql[: draw(st.integers(0, len(sql)))]
    if how == "drop a word" and words:
        del words[draw(st.integers(0, len(words) - 1))]
    elif how == "swap a word" and words:
        words[draw(st.integers(0, len(words) - 1))] = draw(st.sampled_from(draw(st.sampled_from(forms())).split()))
    elif how == "splice":
        words = words[: draw(st.integers(0, len(words)))] + draw(st.sampled_from(forms())).split()[1:]
    elif how == "nest":
        depth = draw(st.sampled_from([10, 1_000, 30_000]))
        return f"SELECT {'(' * depth}1{')' * depth}"
    elif how == "text":
        return draw(st.text(max_size=80))
    return sql if how == "as it is" else " ".join(words)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mangled") / "change.sql"


@settings(max_examples=80, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(statements=st.lists(mangled(), min_size=1, max_size=4), with_schema=st.booleans())
def test_mangled_sql_neither_crashes_nor_passes_unread(file: Path, statements: list[str], with_schema: bool) -> None:
    text = ";\n".join(statements)
    file.write_bytes(text.encode())
    report = run_lint(LintRequest(sql=(file,), schema=FORMS / "base.sql" if with_schema else None))
    assert not [finding.message for finding in report.findings if "sluicegate itself failed" in finding.message]
    try:
        parse_script(text)
    except ParseError:
        assert report.exit_code is ExitCode.COULD_NOT_JUDGE
