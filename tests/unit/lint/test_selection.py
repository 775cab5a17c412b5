"""What --rev and file names mean."""

from __future__ import annotations

from pathlib import Path

import pytest

from sluicegate.capture.model import CapturedRevision, CaptureMode
from sluicegate.errors import UsageError
from sluicegate.lint.selection import select


def revision(name: str, *parents: str, depends_on: tuple[str, ...] = ()) -> CapturedRevision:
    return CapturedRevision(name, parents, f"versions/{name}.py", CaptureMode.RECORDED, depends_on=depends_on)


#   a1 ── b2 ── d4 (head)
#    └─── c3 ── e5 (head)
HISTORY = [
    revision("a1"),
    revision("b2", "a1"),
    revision("c3", "a1"),
    revision("d4", "b2"),
    revision("e5", "c3"),
]


@pytest.mark.parametrize(
    ("revs", "expected"),
    [
        ([], "a1 b2 c3 d4 e5"),
        (["b2"], "b2"),
        (["b"], "b2"),
        (["b2", "c3"], "b2 c3"),
        (["heads"], "d4 e5"),
        (["a1:d4"], "b2 d4"),
        (["b2:"], "c3 d4 e5"),
        ([":c3"], "a1 c3"),
        (["base:c3"], "a1 c3"),
        (["a1:heads"], "b2 c3 d4 e5"),
        (["d4:d4"], ""),
    ],
)
def test_revisions_and_ranges(revs, expected):
    assert " ".join(sorted(select(HISTORY, revs, []))) == expected


def test_a_file_means_its_revision():
    assert select(HISTORY, [], [Path("versions/c3.py")]) == {"c3"}


def test_what_a_revision_depends_on_is_before_it():
    history = [revision("a1"), revision("x9"), revision("b2", "a1", depends_on=("x9",))]
    assert select(history, ["x9:b2"], []) == {"a1", "b2"}


@pytest.mark.parametrize(
    ("revs", "files", "message"),
    [
        (["zz"], [], "--rev zz means no revision."),
        ([""], [], "--rev  means no revision."),
        (["b2:zz"], [], "--rev zz means no revision."),
        ([], [Path("versions/zz.py")], "versions/zz.py is not among the revisions of this environment."),
    ],
)
def test_a_name_that_means_nothing_is_refused(revs, files, message):
    with pytest.raises(UsageError) as caught:
        select(HISTORY, revs, files)
    assert caught.value.message == message


def test_an_ambiguous_beginning_is_refused_with_what_it_could_mean():
    with pytest.raises(UsageError, match="--rev 0 means several revisions: 01, 02"):
        select([revision("01"), revision("02", "01")], ["0"], [])
