"""Find the line of a key in a TOML file, because the parser in the standard library forgets lines."""

from __future__ import annotations

import re

_HEADER = re.compile(r"^\s*\[+\s*(?P<name>[^\]]+?)\s*\]+\s*(#.*)?$")
_KEY = re.compile(
    r"""^\s*(?P<name>(?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+)(?:\s*\.\s*(?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+))*)\s*="""
)


def line_of(text: str, table: str, key: str) -> int | None:
    """Return the line (from 1) where ``key`` of ``table`` is set, or the table's header, or None.

    It reads the forms people write: headers, bare, quoted and dotted keys. A key inside a multi-line value could
    mislead it, which costs a line number in an error message and nothing else.
    """
    wanted = [*_parts(table), key] if table else [key]
    header: list[str] = []
    header_line = None
    for number, line in enumerate(text.splitlines(), start=1):
        if match := _HEADER.match(line):
            header = _parts(match["name"])
            if header == wanted or (header == wanted[:-1] and header_line is None):
                header_line = number
            if header == wanted:
                return number
        elif (match := _KEY.match(line)) and header + _parts(match["name"]) == wanted:
            return number
    return header_line


def _parts(name: str) -> list[str]:
    found = re.findall(r'"([^"]*)"|\'([^\']*)\'|([A-Za-z0-9_-]+)', name)
    return ["".join(groups) for groups in found]
