"""Which error a RAISE statement of PL/pgSQL gives."""

from __future__ import annotations

import re

_LEVELS = {"debug", "log", "info", "notice", "warning", "exception"}
# PostgreSQL 18 manual, appendix A "PostgreSQL Error Codes": the conditions that blocks raise on purpose.
_CONDITIONS = {
    "check_violation": "23514",
    "data_exception": "22000",
    "division_by_zero": "22012",
    "duplicate_object": "42710",
    "feature_not_supported": "0A000",
    "foreign_key_violation": "23503",
    "insufficient_privilege": "42501",
    "integrity_constraint_violation": "23000",
    "invalid_parameter_value": "22023",
    "no_data_found": "P0002",
    "not_null_violation": "23502",
    "object_not_in_prerequisite_state": "55000",
    "raise_exception": "P0001",
    "undefined_column": "42703",
    "undefined_table": "42P01",
    "unique_violation": "23505",
}
_ERRCODE = re.compile(r"\berrcode\s*:?=\s*'(\w+)'", re.IGNORECASE)


def raised(text: str) -> str | None:
    """Return the SQLSTATE that a RAISE statement gives; None for a message, a re-raise, or a code not known."""
    words = text.split(None, 2)[1:]
    if not words or words[0].lower() in _LEVELS - {"exception"}:
        return None
    given = _ERRCODE.search(text)
    if given is not None:
        code = given[1].lower()
        return _CONDITIONS.get(code) or (code.upper() if len(code) == 5 else None)
    if words[0].lower() == "exception":
        words = words[1].split() if len(words) > 1 else []
    first = words[0].lower().strip(";") if words else "'"
    if first == "sqlstate":
        found = re.search(r"sqlstate\s+'(\w{5})'", text, re.IGNORECASE)
        return found[1] if found is not None else None
    if first[0].isalpha() and first != "using" and not first.startswith(("e'", "u&'")):
        return _CONDITIONS.get(first)
    return "P0001"
