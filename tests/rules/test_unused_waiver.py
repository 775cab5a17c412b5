"""unused-waiver, word for word."""

from __future__ import annotations

import datetime as dt

from sluicegate.rules.kit.waived import WaiverContext
from sluicegate.rules.unused_waiver import check


def said(*, used: bool) -> list[str]:
    day = dt.date(2027, 1, 31)
    waiver = WaiverContext("drop-column", "migrations/7.sql", "ada@example.org", day, day, used=used)
    return [problem.message for problem in check(waiver)]


def test_it_says_what_has_nothing_to_waive_and_whose_it_is():
    assert said(used=False) == [
        "The waiver of drop-column for migrations/7.sql has nothing to waive; take it out. Its owner is ada@example.org."
    ]


def test_it_is_silent_about_one_that_is_needed():
    assert said(used=True) == []
