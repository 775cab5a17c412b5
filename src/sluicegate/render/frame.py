"""The lines of source that a finding is about, with their numbers and the range marked."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.findings import Location

SHOWN_LINES = 5
"""How many lines of a longer range are shown; the rest is left out in its middle."""


def code_frame(source: str, location: Location) -> Iterator[tuple[str, str, str]]:
    """Yield (line number or blank, mark, text) for each line to show.

    The mark is empty for a line of source, ``^`` for the line that underlines it, ``…`` where lines are left out.
    """
    lines = source.splitlines()
    last = min(location.end_line, len(lines))
    if not 1 <= location.line <= len(lines):
        return
    numbers = list(range(location.line, max(last, location.line) + 1))
    gap_after = 0
    if len(numbers) > SHOWN_LINES:
        gap_after = numbers[SHOWN_LINES - 2]
        numbers = [*numbers[: SHOWN_LINES - 1], numbers[-1]]
    for number in numbers:
        text = lines[number - 1].replace("\t", " ")
        yield str(number), "", text
        start = location.column - 1 if number == location.line else len(text) - len(text.lstrip())
        end = location.end_column - 1 if number == location.end_line else len(text.rstrip())
        if location.line == location.end_line:
            yield "", "^", " " * start + "^" * max(end - start, 1)
        if number == gap_after:
            yield "", "…", ""
