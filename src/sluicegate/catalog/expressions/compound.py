"""Literals made of other literals: what arrays, records and ranges hold, read as their input functions read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.catalog.expressions.meaning import Invalid

if TYPE_CHECKING:
    from collections.abc import Iterator

_BLANKS = " \t\n\r\v\f"


def array_elements(text: str) -> list[str]:
    """Return the texts of an array literal's elements, NULLs left out (``array_in``).

    Raises:
        Invalid: it is no array (22P02).
    """
    malformed = Invalid("22P02", f'malformed array literal: "{text}"')
    body = text.strip(_BLANKS)
    if body.startswith("["):
        body = body.partition("=")[2].strip(_BLANKS)
    if not (body.startswith("{") and body.endswith("}")):
        raise malformed
    if body[1:-1].strip(_BLANKS) == "":
        return []
    elements: list[str] = []
    shape: dict[int, int] = {}
    nested: dict[int, bool] = {}
    counts: list[int] = []
    previous = ""
    for kind, word in _tokens(body, "{},", malformed):
        if kind == "{":
            if previous not in {"", "{", ","}:
                raise malformed
            if nested.setdefault(len(counts), True) is False:
                raise malformed
            counts.append(0)
        elif kind in {"}", ","}:
            if not counts or (previous in {"", "{", ","} and not (kind == "}" and previous == "{")):
                raise malformed
            counts[-1] += previous != "{"
            if kind == "}":
                count, depth = counts.pop(), len(counts)
                if shape.setdefault(depth, count) != count:
                    raise malformed
        else:
            if not counts or previous not in {"{", ","} or nested.setdefault(len(counts), False):
                raise malformed
            if not (kind == "bare" and word.lower() == "null"):
                elements.append(word)
        previous = kind
    if counts:
        raise malformed
    return elements


def record_fields(text: str) -> list[str | None]:
    """Return the texts of a row literal's fields, None for NULL (``record_in``).

    Raises:
        Invalid: it is no row (22P02).
    """
    malformed = Invalid("22P02", f'malformed record literal: "{text}"')
    body = text.strip(_BLANKS)
    if not (body.startswith("(") and body.endswith(")")):
        raise malformed
    return _fields(body[1:-1], malformed)


def range_bounds(text: str) -> tuple[str | None, str | None]:
    """Return a range literal's bounds, None for one that is open (``range_in``).

    Raises:
        Invalid: it is no range (22P02).
    """
    malformed = Invalid("22P02", f'malformed range literal: "{text}"')
    body = text.strip(_BLANKS)
    if body.lower() == "empty":
        return None, None
    if body[:1] not in {"[", "("} or body[-1:] not in {"]", ")"}:
        raise malformed
    bounds = _fields(body[1:-1], malformed)
    if len(bounds) != 2:
        raise malformed
    return bounds[0], bounds[1]


def _fields(body: str, malformed: Invalid) -> list[str | None]:
    found: list[str | None] = [None]
    for kind, word in _tokens(body, ",", malformed, trim=False):
        if kind == ",":
            found.append(None)
        else:
            found[-1] = (found[-1] or "") + word
    return found


def _tokens(text: str, marks: str, malformed: Invalid, *, trim: bool = True) -> Iterator[tuple[str, str]]:
    """Yield a literal's marks and words; a word is ``bare`` or ``quoted``."""
    at, word, quoted = 0, "", False
    seen = False
    while at < len(text):
        character = text[at]
        if character == '"':
            quoted = seen = True
            at += 1
            while at < len(text) and text[at] != '"':
                at += text[at] == "\\"
                word += text[at : at + 1]
                at += 1
            if at >= len(text):
                raise malformed
        elif character == "\\":
            at += 1
            word, seen = word + text[at : at + 1], True
        elif character in marks:
            if seen and (quoted or not trim or word.strip(_BLANKS)):
                yield ("quoted" if quoted else "bare"), (word if quoted or not trim else word.strip(_BLANKS))
            yield character, character
            word, quoted, seen = "", False, False
        elif not (trim and character in _BLANKS and (quoted or not word)):
            word, seen = word + character, True
        at += 1
    if seen:
        yield ("quoted" if quoted else "bare"), (word if quoted or not trim else word.strip(_BLANKS))
