"""What a rule of your own imports: the stable names, whatever moves behind them.

A file in ``safety/rules/`` of your repository is a rule. docs/rules/writing-rules.md says how to write one.
"""

from __future__ import annotations

from sluicegate.catalog.model import Column, Index, Name, Relation, SqlType
from sluicegate.effects.model import Effects, LockMode
from sluicegate.findings import Level, Location
from sluicegate.rules.kit.context import Context
from sluicegate.rules.kit.remedy import (
    Code,
    Note,
    Remedy,
    Revision,
    advice,
    execute,
    instead,
    outside_transaction,
    phased,
)
from sluicegate.rules.kit.revision import RevisionContext
from sluicegate.rules.kit.rule import ALL_VERSIONS, Option, Problem, Rule, Subject
from sluicegate.rules.kit.spelling import identifier, listed
from sluicegate.rules.kit.vectors import written_type
from sluicegate.rules.kit.words import lock_words, who_waits

__all__ = [
    "ALL_VERSIONS",
    "Code",
    "Column",
    "Context",
    "Effects",
    "Index",
    "Level",
    "Location",
    "LockMode",
    "Name",
    "Note",
    "Option",
    "Problem",
    "Relation",
    "Remedy",
    "Revision",
    "RevisionContext",
    "Rule",
    "SqlType",
    "Subject",
    "advice",
    "execute",
    "identifier",
    "instead",
    "listed",
    "lock_words",
    "outside_transaction",
    "phased",
    "who_waits",
    "written_type",
]
