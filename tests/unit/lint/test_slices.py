"""Judging in several processes: every revision once, no transaction cut, and the same report."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluicegate.lint.slices import in_processes, slices

# In a test run on several cores there are threads; what is forked here asks nothing of them.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")


@given(st.lists(st.integers(0, 30), max_size=40), st.sets(st.integers(0, 40)), st.integers(1, 8))
def test_slices_hold_everything_once_in_order_and_are_cut_only_where_allowed(weights, together, count):
    found = slices(weights, lambda place: place not in together, count)
    assert [place for part in found for place in part] == list(range(len(weights)))
    assert len(found) <= count
    assert not together & {part.start for part in found[1:]}


def test_a_later_slice_is_smaller_because_more_is_replayed_before_it():
    first, *_, last = (len(part) for part in slices([1] * 1000, lambda _: True, 4))
    assert first > last > first / 3


def test_processes_answer_in_order_and_the_work_of_one_that_ended_is_done_again():
    here = os.getpid()

    def work(part: range) -> tuple[int, bool]:
        if part.start == 2 and os.getpid() != here:
            os._exit(9)
        return part.start, os.getpid() == here

    assert in_processes(work, [range(1), range(1, 2), range(2, 3)]) == [(0, True), (1, False), (2, True)]


def test_an_error_of_a_slice_is_raised_as_it_would_be_without_processes():
    def work(part: range) -> int:
        return 1 // (1 - part.start)

    with pytest.raises(ZeroDivisionError):
        in_processes(work, [range(1), range(1, 2)])


REVISION = """
from alembic import op
revision, down_revision = {this!r}, {before!r}
def upgrade():
    {body}
"""
BODIES = (
    "op.execute('CREATE TABLE t{n} (id bigint PRIMARY KEY, kind text)')",
    "op.execute('ALTER TABLE t{m} ADD COLUMN c{n} integer DEFAULT 1'); op.execute('CREATE INDEX ON t{m} (c{n})')",
    "op.execute('LOCK TABLE t{m}'); op.execute('ALTER TABLE t{m} ALTER COLUMN kind TYPE varchar({n})')",
    "op.execute('COMMIT'); op.execute('DROP TABLE t{m} CASCADE')",
    "op.execute('UPDATE t{m} SET kind = 1')",
)


@pytest.mark.parametrize("arguments", [("--all",), ("--rev", "r4:r29"), ("--rev", "r3:r30", "--downgrade")])
def test_three_processes_report_to_the_byte_what_one_reports(arguments, tmp_path):
    versions = tmp_path / "migrations" / "versions"
    versions.mkdir(parents=True)
    (tmp_path / ".git").mkdir()
    for n in range(32):
        body = BODIES[n % len(BODIES)].format(n=n, m=n // len(BODIES) * len(BODIES))
        before = f"r{n - 1}" if n else None
        (versions / f"r{n}.py").write_text(REVISION.format(this=f"r{n}", before=before, body=body))
    lint = [sys.executable, "-m", "sluicegate", "lint", *arguments, "--migrations", "migrations", "--no-live"]
    one, three = (
        subprocess.run(
            [*lint, "--format", "json", "--jobs", jobs],
            cwd=tmp_path,
            capture_output=True,
            check=False,
        )
        for jobs in ("1", "3")
    )
    assert one.stdout.count(b'"rule"') > 20, one.stderr
    assert (three.returncode, three.stdout, three.stderr) == (one.returncode, one.stdout, one.stderr)
