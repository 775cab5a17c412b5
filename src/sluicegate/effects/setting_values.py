"""Values that a configuration parameter refuses: unit, range and spelling."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, NoReturn

from sluicegate.effects.context import Refused

if TYPE_CHECKING:
    from sluicegate.catalog.builtins import Setting

_BOOLEAN_WORDS = ("true", "false", "yes", "no", "on", "off", "1", "0")
# Words that enums take and ``pg_settings`` does not show, by a word that it shows.
_HIDDEN = {
    "on": {*_BOOLEAN_WORDS},
    "notice": {"debug", "info", "fatal", "panic"},
    "replica": {"archive", "hot_standby"},
}
_NUMBER = re.compile(r"\s*([+-]?(?:0[xX][0-9a-fA-F]+|\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?))\s*(\w*)\s*")
_BYTES = {"B": 1, "kB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30, "TB": 1 << 40}
_MICROSECONDS = {
    "us": 1,
    "ms": 1000,
    "s": 1_000_000,
    "min": 60_000_000,
    "h": 3_600_000_000,
    "d": 86_400_000_000,
}


def check_value(setting: Setting, value: object, version: int) -> None:
    """Refuse a value that a parameter cannot have (``parse_and_validate_value`` in guc.c)."""
    text = ("true" if value else "false") if isinstance(value, bool) else str(value)
    match setting.type:
        case "bool":
            fits = any(word.startswith(text.lower()) for word in _BOOLEAN_WORDS) and text.lower() != "o"
            if not fits or not text:
                raise Refused("22023", f'parameter "{setting.name}" requires a Boolean value')
        case "enum":
            words = {word.lower() for word in setting.values or ()}
            hidden = {word for shown, others in _HIDDEN.items() if shown in words for word in others}
            if text.lower() not in words | hidden:
                _refuse(setting, text)
        case "integer" | "real":
            _check_number(setting, text, version)


def _check_number(setting: Setting, text: str, version: int) -> None:
    found = _NUMBER.fullmatch(text)
    if found is None:
        _refuse(setting, text)
    digits, unit = found.groups()
    number = Decimal(int(digits, 16)) if "x" in digits.lower() else Decimal(digits)
    if unit:
        sizes = _BYTES if unit in _BYTES else _MICROSECONDS
        base = _base(setting.unit, sizes)
        if base is None or unit not in sizes:
            _refuse(setting, text)
        number = number * sizes[unit] / base
    if setting.type == "integer":
        number = number.to_integral_value()
        if abs(number) > 2147483647:
            _refuse(setting, text)
    if setting.least is None or setting.most is None:
        return
    if not Decimal(setting.least) <= number <= Decimal(setting.most):
        limits = (setting.least, setting.most)
        after = f" {setting.unit}" if setting.unit else ""
        least, most = (f"{limit:g}" if setting.type == "real" else f"{limit:.0f}" for limit in limits)
        shown = f"{float(number):g}" if setting.type == "real" else f"{number:f}"
        if version >= 17:
            least, most = least + after, most + after
        raise Refused(
            "22023",
            f'{shown}{after} is outside the valid range for parameter "{setting.name}" ({least} .. {most})',
        )


def _base(unit: str | None, sizes: dict[str, int]) -> int | None:
    """Return the size of a parameter's own unit, which may be several of a named one (``8kB``)."""
    if unit is None:
        return None
    count = re.match(r"\d*", unit)
    amount = count.group() if count is not None else ""
    size = sizes.get(unit.removeprefix(amount))
    return None if size is None else int(amount or 1) * size


def _refuse(setting: Setting, text: str) -> NoReturn:
    raise Refused("22023", f'invalid value for parameter "{setting.name}": "{text}"')
