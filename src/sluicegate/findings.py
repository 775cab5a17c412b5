"""A finding and its place: the only currency between the parts that judge and the parts that show."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Level(enum.StrEnum):
    """How much a finding matters, strongest first."""

    ERROR = "error"
    WARN = "warn"
    INFO = "info"


class Evidence(enum.StrEnum):
    """How a claim about the server is known."""

    PREDICTED = "predicted"
    OBSERVED = "observed"
    CONFIRMED = "confirmed"
    CONTRADICTED = "contradicted"
    OBSERVED_ONLY = "observed_only"


class Direction(enum.StrEnum):
    """Which way a revision was judged."""

    UPGRADE = "upgrade"
    DOWNGRADE = "downgrade"


@dataclass(frozen=True, slots=True, order=True)
class Location:
    """A range of source text.

    Lines count from 1. Columns count from 1 in characters (not bytes); ``end_column`` is the column just after the
    last character. ``file`` is relative to the working directory where it lies below it.
    """

    file: str
    line: int = 1
    column: int = 1
    end_line: int = 1
    end_column: int = 1


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule's answer at a place.

    Attributes:
        rule: the rule's name, kebab-case.
        level: how much it matters under the policy in force.
        location: the line of Python or SQL that caused it.
        revision: the Alembic revision, or None for a bare SQL file.
        message: the harm in one sentence, with the names of tables and who waits.
        remedy: what to write instead, as Alembic code (or SQL for an SQL file) with the user's own names.
        sql: the statement that was judged.
        evidence: how the claim is known.
        effects: the statement's effects as JSON-ready values (see ``sluicegate.effects.model.Effects.as_json``).
        estimate: the size of the tables that the statement works through, and the seconds that takes; empty where it is
            not known.
        fingerprint: tells this finding from every other of a report, and stays when lines move, code is formatted anew
            or the file gets another name; empty until the report is complete.
        direction: whether ``upgrade()`` or ``downgrade()`` of the revision was judged.
    """

    rule: str
    level: Level
    location: Location
    revision: str | None
    message: str
    remedy: str = ""
    sql: str = ""
    evidence: Evidence = Evidence.PREDICTED
    effects: Mapping[str, object] = field(default_factory=dict)
    estimate: Mapping[str, object] = field(default_factory=dict)
    fingerprint: str = ""
    direction: Direction = Direction.UPGRADE
