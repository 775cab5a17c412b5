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
_HOURS = re.compile(r"(?:^|[ T])(\d{1,2}):(\d{2})(?::(\d{2}))?(?=$|[^\d:])")
# deltatktbl in PostgreSQL's utils/adt/datetime.c, whose words are cut after ten letters.
_UNITS = frozenset(
    re.findall(
        r"\w+",
        "ago c cent centuries century d day days dec decade decades decs h hour hours hr hrs m microsecon mil millenni"
        " millennia millennium mils millisecon min mins minute minutes mon mons month months ms msec msecs s sec second"
        " seconds secs us usec usecond useconds usecs w week weeks y year years yr yrs t",
    )
)
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
    words = re.findall(r"[+-]?[a-z]+", stripped.lower())
    wordy = not any(character.isdigit() for character in stripped) and not _WORDS.intersection(words)
    if name == "date" and re.fullmatch(r"\d{1,5}|\d{4}-\d{1,2}", stripped):
        raise Invalid("22007", f'invalid input syntax for type date: "{text}"')
    if not stripped or (wordy and stripped.upper() != "PT") or (name == "interval" and set(stripped) & set("[]{}<>")):
        raise Invalid("22007", f'invalid input syntax for type {_SHOWN.get(name, name)}: "{text}"')
    if name in {"time", "timetz"} and ":" not in stripped and not _CLOCK.fullmatch(stripped.lower()):
        raise Invalid("22007", f'invalid input syntax for type {_SHOWN.get(name, name)}: "{text}"')
    if name == "interval":
        _check_units(stripped, text)
        return
    if clock := _HOURS.search(stripped):
        hour, minute, second = (int(part or 0) for part in clock.groups())
        if name != "date" and (hour > 24 or minute > 59 or second > 60 or (hour == 24 and minute + second)):
            raise Invalid("22008", f'date/time field value out of range: "{text}"')
    found = _DATE.fullmatch(stripped)
    if found is None or name in {"time", "timetz"}:
        return
    year, month, day = (int(part) for part in found.groups())
    if not 1 <= month <= 12 or not 1 <= day <= calendar.monthrange(max(year, 1), month)[1]:
        raise Invalid("22008", f'date/time field value out of range: "{text}"')


def _check_units(stripped: str, text: str) -> None:
    if stripped[:1].upper() == "P":
        return
    words = re.findall(r"[a-z]+", stripped.lower())
    if any(word[:10] not in _UNITS and word not in {"infinity", "inf"} for word in words):
        raise Invalid("22007", f'invalid input syntax for type interval: "{text}"')
