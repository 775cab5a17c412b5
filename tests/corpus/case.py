"""Read the corpus: migrations with the verdict that a careful PostgreSQL reviewer gives, from cases/*.md.

How a case is written is explained in README.md beside this file. A slip in a case raises ``BadCase`` with its place, so
that no case is silently skipped.
"""

from __future__ import annotations

import enum
import hashlib
import json
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
CASES = HERE / "cases"
OBSERVED = HERE / "observed.json"
SCHEMA = HERE / "schema.sql"
ROWS = HERE / "rows.sql"
VERSIONS = (16, 18)

POLICY: dict[str, Any] = {
    "server": {"postgresql": 16, "pgvector": "0.8.5", "timezone": "UTC"},
    "session": {"lock_timeout": "3s", "statement_timeout": "0"},
    "migrations": {"transaction_per_migration": True},
}
"""What every case's policy says unless the case says otherwise."""

IMPORTS = ("import sqlalchemy as sa", "from alembic import op")


class BadCase(Exception):
    """A case is not written as README.md asks."""


class Verdict(enum.StrEnum):
    """What a reviewer says of a migration."""

    REFUSE = "refuse"
    WARN = "warn"
    PASS = "pass"
    CANNOT_TELL = "cannot-tell"
    EITHER = "either"


@dataclass(frozen=True, slots=True)
class Case:
    """One migration and what is to be said about it.

    Attributes:
        topic: the file it stands in, without ``.md``.
        name: its heading, a claim.
        verdict: the label.
        why: the hazard, or why there is none, in words.
        at: text of the line that must be pointed at; empty where there is none.
        rules: names of rules, any of which is the right one; empty when the label leaves it open.
        beside: names of rules that may speak at other lines, too.
        shows: what the server must show for the label to hold.
        also: other verdicts that are right too.
        may_warn: why a warning is tolerated; empty when there should be none.
        versions: server versions on which it is observed.
        policy: the policy in force.
        setup: SQL that production has seen beside schema.sql.
        earlier: revisions that production has seen, oldest first.
        source: the file that is judged, as it is on disk.
        pending: further revisions judged after it in the same run.
        is_sql: whether it is a plain SQL file.
        line: where the case starts in its file.
    """

    topic: str
    name: str
    verdict: Verdict
    why: str
    at: str
    rules: tuple[str, ...]
    beside: tuple[str, ...]
    shows: tuple[str, ...]
    also: tuple[Verdict, ...]
    may_warn: str
    versions: tuple[int, ...]
    policy: dict[str, Any]
    setup: str
    earlier: tuple[str, ...]
    source: str
    pending: tuple[str, ...]
    is_sql: bool
    line: int

    @property
    def id(self) -> str:
        """Topic and name, by which the case is found in reports and in observed.json."""
        return f"{self.topic}: {self.name}"

    @property
    def scored(self) -> bool:
        """Whether reviewers agree on it."""
        return self.verdict is not Verdict.EITHER

    @property
    def judged_version(self) -> int:
        """The version of PostgreSQL that the linter is told."""
        return int(self.policy["server"]["postgresql"])

    @property
    def sources(self) -> tuple[str, ...]:
        """The files that are judged, in order."""
        return (self.source, *self.pending)

    @property
    def at_line(self) -> int | None:
        """The number of the line that must be pointed at, from 1, in the file that holds it."""
        return None if not self.at else find_line(self.sources, self.at)[1]

    @property
    def at_file(self) -> int:
        """Which of ``sources`` holds the line."""
        return find_line(self.sources, self.at)[0] if self.at else 0

    @property
    def digest(self) -> str:
        """Changes with everything that decides what the server does."""
        parts = [self.setup, *self.earlier, *self.sources, str(self.is_sql), str(self.versions)]
        parts.append(json.dumps(self.policy.get("migrations", {})))
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


def find_line(sources: tuple[str, ...], text: str) -> tuple[int, int]:
    """Return the index of the source and the number of the one line that contains the text."""
    found = [
        (index, number)
        for index, source in enumerate(sources)
        for number, line in enumerate(source.splitlines(), 1)
        if text in line
    ]
    if len(found) != 1:
        raise BadCase(f"{text!r} stands in {len(found)} lines, not in one")
    return found[0]


def load() -> list[Case]:
    """Return every case, in the order of the files."""
    cases: list[Case] = []
    for path in sorted(CASES.glob("*.md")):
        cases += read(path)
    names = [case.id for case in cases]
    if twice := {name for name in names if names.count(name) > 1}:
        raise BadCase(f"cases with one name: {sorted(twice)}")
    return cases


_HEADING = re.compile(r"^## (.+)$", re.M)
_FENCE = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.M | re.S)
_KEYS = {"at", "rule", "beside", "shows", "also", "may-warn", "pg"}


def read(path: Path) -> list[Case]:
    """Return the cases of one file."""
    text = path.read_text()
    heads = list(_HEADING.finditer(text))
    ends = [head.start() for head in heads[1:]] + [len(text)]
    cases = []
    for head, end in zip(heads, ends, strict=True):
        line = text.count("\n", 0, head.start()) + 1
        try:
            cases.append(_case(path.stem, head[1].strip(), text[head.end() : end], line))
        except (BadCase, ValueError, tomllib.TOMLDecodeError) as error:
            raise BadCase(f"{path.name}, line {line}, {head[1]!r}: {error}") from error
    return cases


def _case(topic: str, name: str, body: str, line: int) -> Case:
    first = _FENCE.search(body)
    if first is None:
        raise BadCase("there is no fenced block")
    verdict, why, keys = _keys(body[: first.start()])
    setup, earlier, judged, policy, is_sql = "", [], [], dict(POLICY), False
    for fence in _FENCE.finditer(body):
        language, role, content = fence[1], fence[2].strip(), fence[3]
        match language, role:
            case "sql", "":
                setup = content
            case "sql", "file":
                judged.append(content)
                is_sql = True
            case "python", "earlier":
                earlier.append(content)
            case "python", "":
                judged.append(content)
            case "toml", "":
                policy = merged(policy, tomllib.loads(content))
            case _:
                raise BadCase(f"```{language} {role} is not known")
    if not judged:
        raise BadCase("no block is to be judged")
    versions = tuple(int(v) for v in keys["pg"].split(",")) if "pg" in keys else VERSIONS
    if "pg" in keys and "postgresql" not in tomllib.loads(_toml(body)).get("server", {}):
        policy = merged(policy, {"server": {"postgresql": versions[0]}})
    versions = tuple(v for v in versions if v in VERSIONS)
    if not is_sql:
        number = len(earlier)
        earlier = [_revision(content, index) for index, content in enumerate(earlier, 1)]
        judged = [_revision(content, number + index) for index, content in enumerate(judged, 1)]
    case = Case(
        topic=topic,
        name=name,
        verdict=verdict,
        why=why,
        at=keys.get("at", ""),
        rules=_list(keys, "rule"),
        beside=_list(keys, "beside"),
        shows=_list(keys, "shows"),
        also=tuple(Verdict(name) for name in _list(keys, "also")),
        may_warn=keys.get("may-warn", ""),
        versions=versions,
        policy=policy,
        setup=setup,
        earlier=tuple(earlier),
        source=judged[0],
        pending=tuple(judged[1:]),
        is_sql=is_sql,
        line=line,
    )
    if case.at:
        find_line(case.sources, case.at)
    if Verdict.REFUSE in case.also and verdict is not Verdict.CANNOT_TELL and not case.at:
        raise BadCase("`also: refuse` needs `at:`")
    if verdict is Verdict.REFUSE and (not case.at or not case.shows):
        raise BadCase("a refusal needs `at:` and `shows:`")
    if verdict is Verdict.WARN and not case.at:
        raise BadCase("a warning needs `at:`")
    return case


def _list(keys: dict[str, str], name: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in keys.get(name, "").split(",") if part.strip())


def _toml(body: str) -> str:
    return next((fence[3] for fence in _FENCE.finditer(body) if fence[1] == "toml"), "")


def _keys(text: str) -> tuple[Verdict, str, dict[str, str]]:
    verdict, why, keys = None, "", {}
    for entry in re.split(r"\n(?=[a-z-]+: )", text.strip()):
        key, _, value = entry.partition(": ")
        # A text to find keeps its spaces; prose may be wrapped.
        value = value.strip() if key == "at" else " ".join(value.split())
        if key in set(Verdict):
            verdict, why = Verdict(key), value
        elif key in _KEYS and key not in keys:
            keys[key] = value
        else:
            raise BadCase(f"{entry!r} is no key")
    if verdict is None:
        raise BadCase("there is no verdict")
    return verdict, why, keys


def _revision(content: str, number: int) -> str:
    """Put in front what a revision file has and a reader need not see every time."""
    head = [] if re.search(r"^(import|from) ", content, re.M) else [*IMPORTS, "", ""]
    if not re.search(r"^revision\b", content, re.M):
        down = f'"{number - 1:04}"'
        content = re.sub(
            r"^(?=(def |class |@|[A-Za-z_]+ = ))",
            f'revision = "{number:04}"\ndown_revision = {down}\n\n\n',
            content,
            count=1,
            flags=re.M,
        )
    return "\n".join([*head, content])


def merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Return ``base`` with the tables of ``over`` laid on top."""
    result = dict(base)
    for key, value in over.items():
        result[key] = merged(result[key], value) if isinstance(value, dict) and key in result else value
    return result


def policy_toml(policy: dict[str, Any]) -> str:
    """Write a policy as TOML."""
    lines: list[str] = []

    def table(name: str, body: dict[str, Any]) -> None:
        lines.append(f"[{name}]")
        nested = {k: v for k, v in body.items() if isinstance(v, dict)}
        lines.extend(f"{json.dumps(k)} = {json.dumps(v)}" for k, v in body.items() if k not in nested)
        for key, value in nested.items():
            table(f"{name}.{key}", value)

    for name, body in policy.items():
        table(name, body)
    return "\n".join(lines) + "\n"
