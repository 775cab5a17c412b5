"""The rules' examples on real servers: what they claim is what PostgreSQL does."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest

from sluicegate.dryrun.observe import observe
from sluicegate.effects.model import Effects
from sluicegate.findings import Level
from sluicegate.lint import replay

from .examples import EXTENSION, RULES, judge, policy_of
from .test_examples import versions_of

# A server knows what a prediction cannot; and a file name is nothing that a server sees.
CASES = [
    (rule, version)
    for rule in RULES
    for version in versions_of(rule)
    if rule not in ("could-not-judge", "contract-without-gate")
]


@pytest.fixture
def judge_as_observed(request, make_database, examples, monkeypatch) -> Callable[..., list]:
    """Judge revisions by what a server does with each statement, in place of what is predicted."""

    def run(rule: str, version: int, revisions: list) -> list:
        entry = RULES[rule]
        server = request.getfixturevalue(f"server{version}")
        with psycopg.connect(make_database(server), autocommit=True) as connection:
            connection.execute((EXTENSION + entry.setup).encode())

            def observed(statement, catalog, session, version) -> Effects:
                return observe(connection, statement.sql, keep=True, disposable=True)

            monkeypatch.setattr(replay, "predict", observed)
            report = judge(revisions, entry.setup, policy_of(entry, examples.folder), examples.folder, version)
        return [f for f in report.findings if f.level is not Level.INFO or f.rule == rule]

    return run


@pytest.mark.parametrize(("rule", "version"), CASES)
def test_bad_does_on_a_server_what_the_rule_claims(judge_as_observed, examples, rule, version):
    found = {finding.rule for finding in judge_as_observed(rule, version, examples.bad(rule))}
    assert rule in found
    assert found <= {rule, *(["server-rejects"] if RULES[rule].rule.rejected else [])}


@pytest.mark.parametrize(("rule", "version"), CASES)
def test_good_is_clean_by_what_a_server_does(judge_as_observed, examples, rule, version):
    assert judge_as_observed(rule, version, examples.good(rule)) == []
