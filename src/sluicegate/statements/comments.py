"""Comments of an SQL text with their places: where suppressions are written."""

from __future__ import annotations

from dataclasses import dataclass

from sluicegate.statements.tokens import COMMENTS, LINE_COMMENT, scan


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment.

    Attributes:
        text: what it says, without ``--`` or ``/* */`` and without surrounding blanks.
        start: where it begins in the text, in characters, its mark included.
        end: the character after its last one.
        alone: True when nothing but blanks stands before it on its line.
    """

    text: str
    start: int
    end: int
    alone: bool


def comments(text: str) -> tuple[Comment, ...]:
    """Return the comments of an SQL text, in order; what looks like one inside a string is none.

    Raises:
        ParseError: a quoted string, identifier or comment never ends.
    """
    found = []
    for token in scan(text):
        if token.kind not in COMMENTS:
            continue
        raw = text[token.start : token.end]
        inner = raw[2:] if token.kind == LINE_COMMENT else raw[2:-2]
        line_start = text.rfind("\n", 0, token.start) + 1
        alone = not text[line_start : token.start].strip()
        found.append(Comment(inner.strip(), token.start, token.end, alone))
    return tuple(found)
