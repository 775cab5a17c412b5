"""Rules of the judged repository: found beside the policy, asked like ours, and refused or reported where they fail."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest

from sluicegate.capture.sqlfiles import capture_sql
from sluicegate.catalog.model import Catalog
from sluicegate.cli import run
from sluicegate.errors import UsageError
from sluicegate.lint.engine import Judge
from sluicegate.lint.own_rules import rules_under
from sluicegate.rules.kit.catalogue import HEADINGS, all_rules, check_policy
from sluicegate.settings.policy import load_policy

CHECK = """\
def check(context):
    if context.kind == "create_stmt":
        yield Problem("Another table.")
"""
SQL = "CREATE TABLE t (id bigint PRIMARY KEY);\nDROP TABLE t;\n"


def rule(name: str, check: str = CHECK, options: str = "") -> str:
    """Return a rule's file."""
    page = "A title.\n" + "".join(f"\n## {heading}\n\nText.\n" for heading in HEADINGS)
    return (
        f'"""{page}"""\n\nfrom sluicegate.rule_authoring import Level, Option, Problem, Rule\n\n'
        f'RULE = Rule(name="{name}", level=Level.WARN{options})\nBAD = "pass"\nGOOD = "pass"\n\n\n{check}'
    )


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """Write a repository with these rules; return its policy."""

    def write(files: dict[str, str], policy: str = ""):
        folder = tmp_path / "safety" / "rules"
        folder.mkdir(parents=True)
        (folder.parent / "policy.toml").write_text(policy)
        for name, text in files.items():
            (folder / name).write_text(text)
        monkeypatch.chdir(tmp_path)
        return load_policy(Path("safety/policy.toml"))

    return write


def findings(policy):
    judge = Judge(policy, 16, rules_under(policy))
    report = judge.report([capture_sql(SQL, "change.sql")], Catalog())
    return [(f.rule, f.level.value, f.location.line, f.message) for f in report.findings]


def test_a_file_beside_the_policy_is_a_rule(repository):
    policy = repository({"no_table.py": rule("no-table"), "_shared.py": "1 / 0"})
    assert set(rules_under(policy)) - set(all_rules()) == {"no-table"}
    assert findings(policy) == [("no-table", "warn", 1, "Another table.")]


def test_without_a_policy_there_are_only_ours():
    assert rules_under(load_policy(None)) == all_rules()


def test_no_bytecode_appears_beside_the_rules(repository, tmp_path):
    rules_under(repository({"no_table.py": rule("no-table")}))
    assert [path.name for path in (tmp_path / "safety" / "rules").iterdir()] == ["no_table.py"]


def test_the_policy_sets_levels_and_options_of_own_rules(repository):
    option = ', options=(Option("most", 1, "How many."),)'
    policy = repository(
        {"no_table.py": rule("no-table", options=option)}, "[rules.no-table]\nlevel = 'error'\nmost = 2\n"
    )
    check_policy(policy, rules_under(policy))
    assert findings(policy) == [("no-table", "error", 1, "Another table.")]
    with pytest.raises(UsageError, match="there is no rule 'no-table'"):
        check_policy(policy)


def test_a_comment_allows_an_own_rule(repository):
    policy = repository({"no_table.py": rule("no-table")})
    sql = "-- sluicegate: allow[no-table] agreed\nCREATE TABLE t (id bigint PRIMARY KEY);\n"
    report = Judge(policy, 16, rules_under(policy)).report([capture_sql(sql, "change.sql")], Catalog())
    assert (report.findings, report.suppressed) == ((), 1)


def test_an_exception_in_a_rule_is_could_not_judge_and_the_other_rules_go_on(repository):
    broken = rule("is-broken", "def check(context):\n    return [context.nothing]\n")
    policy = repository({"is_broken.py": broken, "no_table.py": rule("no-table")})
    line = broken.splitlines().index("    return [context.nothing]") + 1
    words = (
        f"The rule is-broken (safety/rules/is_broken.py:{line}) failed here with AttributeError: 'Context' object has "
        "no attribute 'nothing', so what it looks for could not be judged."
    )
    assert [(rule, message) for rule, _, _, message in findings(policy)] == [
        ("could-not-judge", words),
        ("no-table", "Another table."),
        ("could-not-judge", words),
    ]


def test_an_answer_that_is_no_problem_is_could_not_judge(repository):
    policy = repository({"is_broken.py": rule("is-broken", "def check(context):\n    yield 'oh'\n")})
    assert "TypeError: check() yielded str instead of Problem" in findings(policy)[0][3]


def test_a_rule_that_is_off_is_not_heard_when_it_fails(repository):
    policy = repository(
        {"is_broken.py": rule("is-broken", "def check(context):\n    1 / 0\n")}, "[rules]\nis-broken = 'off'\n"
    )
    assert findings(policy) == []


def test_files_that_are_no_rules_are_named_all_at_once_with_their_lines(repository, capsys):
    without_page = rule("no-page").replace("## Instead", "## Else")
    repository(
        {
            "drop_table.py": rule("drop-table"),
            "no_check.py": rule("no-check", ""),
            "no_good.py": rule("no-good").replace('GOOD = "pass"\n', ""),
            "no_page.py": without_page,
            "no_python.py": "def (:\n",
            "no_rule.py": rule("no-rule").replace("RULE = Rule", "RULES = Rule"),
            "no_import.py": rule("no-import").replace("Problem, Rule", "Problem, Role"),
            "other_name.py": rule("this-name"),
            "zero.py": "x = 1\ny = x / 0\n",
        }
    )
    assert run(["rules"]) == 2
    heading = textwrap.dedent(
        """\
        Error: These files are no rules, so nothing was judged:
          safety/rules/drop_table.py:22: there is a rule 'drop-table' already; choose another name.
          safety/rules/no_check.py:1: it lacks a function check(context) that yields Problem(…).
          safety/rules/no_good.py:1: it needs GOOD: text, or a tuple of texts, with the body of an upgrade().
          safety/rules/no_import.py:20: ImportError: cannot import name 'Role' from 'sluicegate.rule_authoring' (…).
          safety/rules/no_page.py:1: its docstring needs one sentence and the headings ## What it does, \
## Why it hurts, ## Instead, ## When it is fine, in this order.
          safety/rules/no_python.py:1: Python cannot read it: invalid syntax.
          safety/rules/no_rule.py:1: it lacks RULE = Rule(name="…", level=Level.WARN).
          safety/rules/other_name.py:22: the rule 'this-name' belongs into another file, this_name.py.
          safety/rules/zero.py:2: ZeroDivisionError: division by zero.
          docs/rules/writing-rules.md shows a whole rule.
        """
    )
    said = re.sub(r"(rule_authoring') \([^)]*\)", r"\1 (…)", capsys.readouterr().err)
    assert said == heading


def test_the_guide_shows_a_rule_that_works(repository):
    guide = (Path(__file__).resolve().parents[3] / "docs/rules/writing-rules.md").read_text()
    example = guide.partition("```python\n")[2].partition("```\n")[0]
    policy = repository({"naive_timestamp.py": example})
    judge = Judge(policy, 16, rules_under(policy))
    sql = "CREATE TABLE t (id bigint PRIMARY KEY, at timestamp, safe timestamptz);\n"
    report = judge.report([capture_sql(sql, "change.sql")], Catalog())
    assert [f.message for f in report.findings] == ["t.at is a timestamp without a time zone."]


def test_the_guide_names_everything_that_may_be_imported():
    import sluicegate.rule_authoring as public

    guide = (Path(__file__).resolve().parents[3] / "docs/rules/writing-rules.md").read_text()
    assert [name for name in public.__all__ if f"`{name}`" not in guide] == []
