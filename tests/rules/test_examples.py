"""Every rule keeps its word: it fires on its BAD, at the right line, alone; and is silent on its GOOD."""

from __future__ import annotations

import pytest

from sluicegate.findings import Level
from sluicegate.rules.kit.rule import Subject

from .examples import FIRST_LINE, RULES, judge, policy_of

VERSIONS = (16, 18)


def versions_of(rule: str) -> list[int]:
    return [version for version in VERSIONS if version in RULES[rule].rule.versions]


# What contract-without-gate judges is the name of a file and the files beside it: it has tests of its own.
CASES = [(r, version) for r in RULES for version in versions_of(r) if r != "contract-without-gate"]


@pytest.mark.parametrize(("rule", "version"), CASES)
def test_bad_fires_this_rule_and_no_other(examples, rule, version):
    entry = RULES[rule]
    report = judge(examples.bad(rule), entry.setup, policy_of(entry, examples.folder), examples.folder, version)
    strong = {finding.rule for finding in report.findings if finding.level is not Level.INFO}
    assert rule in {finding.rule for finding in report.findings}
    assert strong <= {rule}


@pytest.mark.parametrize(("rule", "version"), CASES)
def test_bad_is_reported_inside_the_body(examples, rule, version):
    entry = RULES[rule]
    report = judge(examples.bad(rule), entry.setup, policy_of(entry, examples.folder), examples.folder, version)
    lines = entry.bad.count("\n") + 1
    for finding in report.findings:
        if finding.rule == rule:
            # A finding about the revision as a whole points at "def upgrade".
            assert (
                FIRST_LINE - (entry.rule.subject is Subject.REVISION)
                <= finding.location.line
                <= finding.location.end_line
                < FIRST_LINE + lines
            )


@pytest.mark.parametrize(("rule", "version"), CASES)
def test_good_is_clean(examples, rule, version):
    entry = RULES[rule]
    report = judge(examples.good(rule), entry.setup, policy_of(entry, examples.folder), examples.folder, version)
    assert [(f.rule, f.message) for f in report.findings if f.level is not Level.INFO or f.rule == rule] == []
