"""The rules' own examples as an Alembic history: captured once, judged and run as often as tests like."""

from __future__ import annotations

import contextlib
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from sluicegate.capture.location import find_script_location
from sluicegate.capture.model import CapturedRevision
from sluicegate.capture.revisions import capture_history
from sluicegate.catalog.dump import load_script
from sluicegate.catalog.model import Catalog
from sluicegate.lint.engine import Judge
from sluicegate.lint.own_rules import rules_under
from sluicegate.lint.project import ProjectFiles
from sluicegate.lint.report import Report
from sluicegate.rules.kit.catalogue import Entry
from sluicegate.rules.kit.rule import Subject
from sluicegate.settings.policy import Policy, load_policy

ROOT = Path(__file__).resolve().parents[2]
RULES: Mapping[str, Entry] = {
    name: entry
    for name, entry in rules_under(load_policy(ROOT / "safety" / "policy.toml")).items()
    if entry.rule.subject is not Subject.WAIVER  # their examples are no revisions
}
"""Every rule, also this repository's own in safety/rules: they keep their word by the same tests."""

HEADER = """\
import sqlalchemy as sa
from alembic import op
from pgvector.sqlalchemy import HALFVEC, Vector
from sqlalchemy.dialects import postgresql

revision = "{revision}"
down_revision = {down!r}


def upgrade():
"""
FIRST_LINE = HEADER.count("\n") + 1
EXTENSION = "CREATE EXTENSION IF NOT EXISTS vector;\n"
POLICY = '[session]\nlock_timeout = "2s"\n'
"""What examples are judged under; a rule about sessions says its own."""


def source(body: str, revision: str, down: str | None) -> str:
    """Return a revision file with this body."""
    return HEADER.format(revision=revision, down=down) + textwrap.indent(body, "    ") + "\n"


def identifier(name: str) -> str:
    """Return an example's name as Alembic accepts it for a revision."""
    return name.replace("-", "_").replace(".", "_")


@dataclass(frozen=True)
class Examples:
    """All examples, captured; ``folder`` holds their files."""

    folder: Path
    captured: dict[str, CapturedRevision]

    def bad(self, rule: str) -> list[CapturedRevision]:
        """Return the one revision of BAD."""
        return [self.captured[identifier(f"{rule}.bad")]]

    def good(self, rule: str) -> list[CapturedRevision]:
        """Return the revisions of GOOD."""
        bodies = enumerate(RULES[rule].good, start=1)
        return [self.captured[identifier(f"{rule}.good{number}")] for number, _ in bodies]


def capture_examples(folder: Path, bodies: dict[str, str]) -> Examples:
    """Run bodies of upgrade() through capture, each in a session of its own; name → body."""
    versions = folder / "migrations" / "versions"
    versions.mkdir(parents=True)
    down = None
    for name, body in bodies.items():
        revision = identifier(name)
        (versions / f"{revision}.py").write_text(source(body, revision, down))
        # Settings made for a session must not reach the next example.
        reset = f"{revision}_reset"
        (versions / f"{reset}.py").write_text(source('op.execute("RESET ALL")', reset, revision))
        down = reset
    with contextlib.chdir(folder):
        history = capture_history(
            find_script_location(migrations=Path("migrations")), version=16, transaction_per_migration=True
        )
    return Examples(folder, {revision.revision: revision for revision in history})


def rule_bodies() -> dict[str, str]:
    """Return every example of every rule by name."""
    bodies = {}
    for name, entry in RULES.items():
        bodies[f"{name}.bad"] = entry.bad
        bodies |= {f"{name}.good{number}": body for number, body in enumerate(entry.good, start=1)}
    return bodies


def policy_of(entry: Entry, folder: Path) -> Policy:
    """Return the policy under which a rule's examples are judged."""
    path = folder / f"{entry.rule.name}.toml"
    path.write_text(entry.policy if "[session]" in entry.policy else POLICY + entry.policy)
    return replace(load_policy(path), timezone="UTC")


def judge(
    revisions: list[CapturedRevision], setup: str, policy: Policy, folder: Path, version: int = 16, rows=None
) -> Report:
    """Judge revisions over the schema that ``setup`` makes."""
    catalog: Catalog = load_script(EXTENSION + setup, version=version)
    judge = Judge(policy, version, RULES, project=ProjectFiles(folder), rows=rows or {})
    return judge.report(revisions, catalog)
