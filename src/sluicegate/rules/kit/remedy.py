"""What to write instead: operations that spell themselves as Alembic code and as SQL, with the user's own names."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

INDENT = "    "
WIDTH = 96  # columns of prose and of a call on one line


@dataclass(frozen=True, slots=True)
class Code:
    """An operation in both spellings; ``transactional`` is False when the server refuses it in a transaction block."""

    alembic: str
    sql: str


@dataclass(frozen=True, slots=True)
class Note:
    """A remark between operations."""

    text: str

    @property
    def alembic(self) -> str:
        """Return it as a Python comment."""
        return "\n".join(f"# {line}" for line in textwrap.wrap(self.text, WIDTH - 2))

    @property
    def sql(self) -> str:
        """Return it as an SQL comment."""
        return "\n".join(f"-- {line}" for line in textwrap.wrap(self.text, WIDTH - 2))


@dataclass(frozen=True, slots=True)
class Revision:
    """Operations that belong into a revision of their own, which runs after the ones before."""

    title: str
    parts: tuple[Code | Note, ...]


@dataclass(frozen=True, slots=True)
class Remedy:
    """What to write instead.

    Attributes:
        revisions: one or several revisions, in the order in which they run.
        advice: what no code can say, in one or two sentences.
    """

    revisions: tuple[Revision, ...] = ()
    advice: str = ""

    def alembic(self) -> str:
        """Return it as the bodies of ``upgrade()`` functions."""
        return self._text("alembic", "#")

    def sql(self) -> str:
        """Return it as an SQL script."""
        return self._text("sql", "--")

    def _text(self, spelling: str, comment: str) -> str:
        blocks = (
            [textwrap.fill(self.advice, WIDTH, break_long_words=False, break_on_hyphens=False)] if self.advice else []
        )
        for revision in self.revisions:
            lines = [f"{comment} {line}" for line in textwrap.wrap(revision.title, WIDTH - 3)]
            lines += [str(getattr(part, spelling)) for part in revision.parts]
            blocks.append("\n".join(lines))
        return "\n\n".join(blocks)


def instead(*parts: Code | Note, advice: str = "") -> Remedy:
    """Build a remedy that fits into one revision."""
    return Remedy((Revision("", parts),), advice)


def phased(*revisions: Revision, advice: str = "") -> Remedy:
    """Build a remedy that takes several revisions."""
    return Remedy(revisions, advice)


def advice(text: str) -> Remedy:
    """Build a remedy that no code can express."""
    return Remedy(advice=text)


def allowed(code: Code, rule: str, reason: str) -> Code:
    """Put the comment beside an operation that allows a rule for it."""
    return Code(
        f"{code.alembic}  # sluicegate: allow[{rule}] {reason}", f"{code.sql} -- sluicegate: allow[{rule}] {reason}"
    )


def execute(sql: str) -> Code:
    """Build an operation from SQL text without its semicolon."""
    sql = sql.strip()
    return Code(call("op.execute", [python_string(sql)]), f"{sql};")


def outside_transaction(*parts: Code | Note) -> Code:
    """Build an autocommit block; in SQL, statements that must not stand between BEGIN and COMMIT."""
    body = "\n".join(part.alembic for part in parts)
    return Code(
        "with op.get_context().autocommit_block():\n" + textwrap.indent(body, INDENT),
        "-- outside a transaction\n" + "\n".join(part.sql for part in parts),
    )


def call(function: str, arguments: list[str]) -> str:
    """Return a Python call, on one line where it fits, else one argument a line."""
    line = f"{function}({', '.join(arguments)})"
    if len(line) <= WIDTH and "\n" not in line:
        return line
    if len(arguments) == 1:
        return line if "\n" in line else f"{function}(\n{INDENT}{arguments[0]}\n)"
    return f"{function}(\n" + "".join(f"{textwrap.indent(argument, INDENT)},\n" for argument in arguments) + ")"


def python_string(text: str) -> str:
    """Return a Python string literal with double quotes, in triple quotes when it has several lines."""
    if "\n" in text:
        body = textwrap.indent(textwrap.dedent(text), INDENT).replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
        return f'"""\n{body}\n"""'
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    if '"' in text and "'" not in text and "\\" not in text:
        return f"'{text}'"
    return f'"{escaped}"'
