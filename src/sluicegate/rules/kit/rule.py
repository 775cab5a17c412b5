"""What a rule declares and what it answers."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sluicegate.findings import Level, Location
    from sluicegate.rules.kit.remedy import Remedy

ALL_VERSIONS = range(14, 19)
"""The PostgreSQL versions that are judged."""


class Subject(enum.StrEnum):
    """What a rule is asked about: each statement, a revision as a whole, each comment that allows, each waiver.

    A revision is asked about also when it has no statement. BAD and GOOD of a rule about waivers are entries of
    safety/waivers.toml.
    """

    STATEMENT = "statement"
    REVISION = "revision"
    SUPPRESSION = "suppression"
    WAIVER = "waiver"


@dataclass(frozen=True, slots=True)
class Option:
    """A key that ``[rules.<name>]`` of the policy may hold; its value has the type of ``default``."""

    name: str
    default: bool | int | str
    doc: str


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule's declaration; its title and its page are the docstring of its module.

    Attributes:
        name: kebab-case, the module's name with hyphens; it names the problem and reads well after "allow".
        level: how much a finding matters unless the policy says otherwise.
        versions: PostgreSQL majors on which the problem exists.
        options: what the policy may say about it beside its level.
        subject: what ``check`` is asked about.
        explains_work: its findings account for what the statement rewrites, reads or builds.
        lasts: its harm goes on while the statement works through its tables, so that it says for how long; true of
            every rule that explains work.
        last_resort: ask it only about statements whose work no other rule has accounted for.
        rejected: the server refuses BAD, so there is nothing to observe but its error.
        same_schema: GOOD ends with the schema that BAD would have reached; the tests compare them.
    """

    name: str
    level: Level
    versions: range = ALL_VERSIONS
    options: tuple[Option, ...] = ()
    subject: Subject = Subject.STATEMENT
    explains_work: bool = False
    last_resort: bool = False
    rejected: bool = False
    same_schema: bool = False
    lasts: bool = False

    @property
    def names_duration(self) -> bool:
        """Tell whether its findings say how long the statement's work takes."""
        return self.lasts or self.explains_work or self.last_resort


@dataclass(frozen=True, slots=True)
class Problem:
    """A rule's answer.

    Attributes:
        message: the harm in one sentence, with the names of tables, and who waits.
        remedy: what to write instead.
        location: where, when it is not the statement that was asked about.
        level: a level for this answer alone, where the rule knows that it matters less.
        details: JSON-ready facts for machines.
    """

    message: str
    remedy: Remedy | None = None
    location: Location | None = None
    level: Level | None = None
    details: tuple[tuple[str, Any], ...] = ()
