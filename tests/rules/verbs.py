"""What the tests of single rules do: ask for the whole text of a report, and for silence."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from sluicegate.capture.sqlfiles import capture_sql
from sluicegate.catalog.model import Catalog
from sluicegate.findings import Level
from sluicegate.lint.engine import Judge
from sluicegate.lint.project import ProjectFiles
from sluicegate.lint.report import Report
from sluicegate.render.text import render_text
from sluicegate.settings.policy import Policy

from .examples import RULES, Examples, judge, policy_of


def assert_says(examples: Examples, rule: str, expected: str, version: int = 16) -> None:
    """Demand that the rule's BAD is reported in exactly these words; remarks of other rules are left out."""
    entry = RULES[rule]
    report = judge(examples.bad(rule), entry.setup, policy_of(entry, examples.folder), examples.folder, version)
    own = replace(report, findings=tuple(finding for finding in report.findings if finding.rule == rule))
    assert render_text(own).replace("migrations/versions/", "") == expected


def judge_sql(rule: str, sql: str, folder: Path, *, setup: str = "", policy: str = "", version: int = 16) -> Report:
    """Judge an SQL script as one file, over the schema of the rule's examples and what ``setup`` adds to it."""
    entry = RULES[rule]
    read = policy_of(replace(entry, policy=policy or entry.policy), folder)
    return judge([capture_sql(sql, "change.sql")], f"{entry.setup}\n{setup}", read, folder, version)


def assert_silent(rule: str, sql: str, folder: Path, **more: object) -> None:
    """Demand that nothing is said above a remark, and nothing at all by this rule."""
    report = judge_sql(rule, sql, folder, **more)  # type: ignore[arg-type]
    said = [(f.rule, f.message) for f in report.findings if f.level is not Level.INFO or f.rule == rule]
    assert said == []


def assert_fires(rule: str, sql: str, folder: Path, **more: object) -> str:
    """Demand that the rule fires; return what it says."""
    report = judge_sql(rule, sql, folder, **more)  # type: ignore[arg-type]
    messages = [finding.message for finding in report.findings if finding.rule == rule]
    assert messages, [(f.rule, f.message) for f in report.findings]
    return messages[0]


def judge_without_schema(sql: str, folder: Path, version: int = 16) -> Report:
    """Judge an SQL script of whose tables nothing is known, as `sluicegate lint -` does."""
    judge_it = Judge(Policy(lock_timeout="2s"), version, RULES, project=ProjectFiles(folder))
    return judge_it.report([capture_sql(sql, "change.sql")], replace(Catalog(), complete=False))


def assert_fires_without_schema(rule: str, sql: str, folder: Path) -> str:
    """Demand that the rule fires on a table of which nothing is known; return what it says."""
    report = judge_without_schema(sql, folder)
    messages = [finding.message for finding in report.findings if finding.rule == rule]
    assert messages, [(f.rule, f.message) for f in report.findings]
    return messages[0]
