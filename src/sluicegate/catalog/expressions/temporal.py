"""Whether a text can be a date, a time or an interval: only what is certainly refused is refused."""

from __future__ import annotations

import calendar
import re

from sluicegate.catalog.expressions.meaning import Invalid

TEMPORAL = frozenset({"date", "time", "timetz", "timestamp", "timestamptz", "interval"})
"""Types whose input functions read dates, times or durations."""

_SHOWN = {"timetz": "time with time zone", "timestamptz": "timestamp with time zone"}
_WORDS = frozenset({"now", "today", "tomorrow", "yesterday", "epoch", "allballs", "infinity", "+infinity", "-infinity"})
_CLOCK = re.compile(r"(now|allballs|t?\d{1,6}(\.\d*)?\s*([ap]m)?)(\s*[-+a-z].*)?")
_DATE = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[ T].*)?", re.DOTALL)


def check_temporal(text: str, name: str) -> None:
    """Refuse a text that the type's input function is known to refuse; spellings that are not known pass.

    Source: PostgreSQL 18 manual, 8.5 and appendix B.

    Args:
        text: the literal.
        name: the type's internal name.

    Raises:
        Invalid: it is no value of the type (22007), or a field is out of range (22008).
    """
    stripped = text.strip()
    words = stripped.lower().split()
    wordy = not any(character.isdigit() for character in stripped) and not _WORDS.intersection(words)
    if not stripped or wordy or (name == "interval" and set(stripped) & set("[]{}<>")):
        raise Invalid("22007", f'invalid input syntax for type {_SHOWN.get(name, name)}: "{text}"')
    if name in {"time", "timetz"} and ":" not in stripped and not _CLOCK.fullmatch(stripped.lower()):
        raise Invalid("22007", f'invalid input syntax for type {_SHOWN.get(name, name)}: "{text}"')
    found = _DATE.fullmatch(stripped)
    if found is None or name in {"time", "timetz", "interval"}:
        return
    year, month, day = (int(part) for part in found.groups())
    if not 1 <= month <= 12 or not 1 <= day <= calendar.monthrange(max(year, 1), month)[1]:
        raise Invalid("22008", f'date/time field value out of range: "{text}"')
