"""expired-waiver, word for word."""

from __future__ import annotations

import datetime as dt

import pytest

from sluicegate.rules.expired_waiver import check
from sluicegate.rules.kit.waived import WaiverContext


def said(today: dt.date, *, used: bool) -> list[str]:
    waiver = WaiverContext("drop-column", "revision 0007", "ada@example.org", dt.date(2027, 1, 31), today, used=used)
    return [problem.message for problem in check(waiver)]


def test_it_names_the_owner_and_the_day():
    (message,) = said(dt.date(2027, 2, 1), used=True)
    assert message == (
        "The waiver of drop-column for revision 0007 expired on 2027-01-31. ada@example.org answers for it: correct the "
        "finding, or give the waiver a new date."
    )


@pytest.mark.parametrize(("today", "used"), [(dt.date(2027, 1, 31), True), (dt.date(2027, 2, 1), False)])
def test_it_is_silent_on_the_last_day_and_where_nothing_is_left(today, used):
    assert said(today, used=used) == []
