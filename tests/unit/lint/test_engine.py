"""The engine: levels, exemptions, sizes, suppression, what is not judged, and the exit code that follows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sluicegate.capture.model import CapturedRevision, CapturedStatement, CaptureMode
from sluicegate.capture.sqlfiles import capture_sql
from sluicegate.catalog.dump import load_script
from sluicegate.catalog.model import Catalog
from sluicegate.errors import ExitCode
from sluicegate.findings import Level, Location
from sluicegate.lint.engine import Judge
from sluicegate.lint.report import Report
from sluicegate.settings.policy import Policy, RuleSettings

SCHEMA = """
CREATE TABLE events (id bigint PRIMARY KEY, kind varchar(50));
CREATE TABLE notes (id bigint PRIMARY KEY, body text);
"""
POLICY = Policy(lock_timeout="2s", timezone="UTC")


def judge(sql: str, policy: Policy = POLICY, *, schema: str | None = SCHEMA, **more) -> Report:
    catalog = load_script(schema, version=16) if schema is not None else replace(Catalog(), complete=False)
    return Judge(policy, 16, **more).report([capture_sql(sql, "x.sql")], catalog)


def rules(report: Report, *levels: Level) -> list[str]:
    return [f.rule for f in report.findings if f.level in (levels or (Level.ERROR, Level.WARN))]


def test_a_clean_file_is_clean():
    report = judge("ALTER TABLE events ADD COLUMN note text;")
    assert rules(report) == []
    assert report.exit_code is ExitCode.CLEAN


def test_an_error_fails():
    report = judge("CREATE INDEX i ON events (kind);")
    assert rules(report) == ["index-not-concurrent"]
    assert report.exit_code is ExitCode.FINDINGS


@pytest.mark.parametrize(
    ("level", "fail_on", "code"),
    [
        ("error", Level.ERROR, ExitCode.FINDINGS),
        ("warn", Level.ERROR, ExitCode.CLEAN),
        ("warn", Level.WARN, ExitCode.FINDINGS),
        ("info", Level.WARN, ExitCode.CLEAN),
        ("info", Level.INFO, ExitCode.FINDINGS),
    ],
)
def test_the_policy_sets_levels_and_the_failing_level(level, fail_on, code):
    policy = replace(POLICY, rules={"index-not-concurrent": RuleSettings(level)}, fail_on=fail_on)
    report = judge("CREATE INDEX i ON events (kind);", policy)
    assert [f.level.value for f in report.findings if f.rule == "index-not-concurrent"] == [level]
    assert report.exit_code is code


def test_a_rule_that_is_off_says_nothing_and_still_accounts_for_the_work():
    policy = replace(POLICY, rules={"index-not-concurrent": RuleSettings("off")})
    assert rules(judge("CREATE INDEX i ON events (kind);", policy)) == []


def test_an_option_relaxes_a_rule():
    sql = "ALTER TABLE events ADD COLUMN seen boolean NOT NULL DEFAULT false;"
    assert rules(judge(sql)) == ["non-null-default"]
    policy = replace(POLICY, rules={"non-null-default": RuleSettings(options={"allow_constant": True})})
    assert rules(judge(sql, policy)) == []


def test_an_exempt_table_hurts_nobody():
    assert rules(judge("CREATE INDEX i ON events (kind);", replace(POLICY, exempt=("public.events",)))) == []


def test_a_table_known_to_be_small_is_read_in_an_instant():
    assert rules(judge("CREATE INDEX i ON events (kind);", rows={"public.events": 10_000})) == []
    assert rules(judge("CREATE INDEX i ON events (kind);", rows={"public.events": 10_001})) == ["index-not-concurrent"]


def test_a_known_size_is_in_the_message():
    report = judge("CREATE INDEX i ON events (kind);", rows={"public.events": 1_150_000})
    assert "events (about 1,150,000 rows)" in report.findings[0].message


def test_a_table_of_the_same_file_is_new_and_of_another_file_is_not():
    new = "CREATE TABLE t (id bigint PRIMARY KEY, n int);"
    index = "CREATE INDEX i ON t (n);"
    assert rules(judge(new + index)) == []
    catalog = load_script("", version=16)
    report = Judge(POLICY, 16).report([capture_sql(new, "1.sql"), capture_sql(index, "2.sql")], catalog)
    assert rules(report) == ["index-not-concurrent"]


def test_a_renamed_table_is_not_new():
    assert "index-not-concurrent" in rules(judge("ALTER TABLE events RENAME TO e; CREATE INDEX i ON e (kind);"))


def test_a_table_that_was_renamed_after_it_was_made_is_still_new():
    assert rules(judge("CREATE TABLE t (n int); ALTER TABLE t RENAME TO u; CREATE INDEX i ON u (n);")) == []


def test_a_comment_with_a_reason_allows_and_is_counted():
    report = judge("CREATE INDEX i ON events (kind); -- sluicegate: allow[index-not-concurrent] events is empty here")
    assert rules(report) == []
    assert report.suppressed == 1
    assert report.exit_code is ExitCode.CLEAN


def test_a_comment_without_a_reason_allows_nothing():
    report = judge("CREATE INDEX i ON events (kind); -- sluicegate: allow[index-not-concurrent]")
    assert rules(report) == ["index-not-concurrent", "malformed-suppression"]


def test_a_comment_for_another_rule_allows_nothing_and_is_unused():
    report = judge("CREATE INDEX i ON events (kind); -- sluicegate: allow[drop-table] why not")
    assert rules(report) == ["index-not-concurrent", "unused-suppression"]


def test_a_comment_for_a_rule_that_is_off_is_not_called_unused():
    policy = replace(POLICY, rules={"drop-table": RuleSettings("off")})
    report = judge("SELECT 1; -- sluicegate: allow[drop-table] it is off anyway", policy)
    assert rules(report) == []


def test_without_a_schema_a_table_is_assumed_to_be_there_and_in_use():
    assert "index-not-concurrent" in rules(judge("CREATE INDEX i ON elsewhere (kind);", schema=None))


def test_with_a_schema_a_table_that_is_not_there_is_rejected():
    report = judge("ALTER TABLE elsewhere ADD COLUMN n int;")
    assert rules(report) == ["server-rejects"]
    assert 'relation "elsewhere" does not exist' in report.findings[0].message


def test_a_change_of_time_zone_type_is_not_known_until_the_time_zone_is():
    schema = "CREATE TABLE events (id bigint PRIMARY KEY, at timestamp);"
    sql = "ALTER TABLE events ALTER COLUMN at TYPE timestamptz;"
    unknown = judge(sql, replace(POLICY, timezone=None), schema=schema)
    assert rules(unknown) == ["rewriting-type-change", "could-not-judge"]
    assert "whether TimeZone is UTC" in unknown.findings[1].message
    assert rules(judge(sql, POLICY, schema=schema)) == []
    assert rules(judge(sql, replace(POLICY, timezone="Europe/Paris"), schema=schema)) == ["rewriting-type-change"]
    assert rules(judge("SET timezone = 'UTC'; " + sql, replace(POLICY, timezone=None), schema=schema)) == []


def test_text_that_is_no_sql_makes_the_exit_code_3_whatever_else_is_found():
    report = judge("CREATE INDEX i ON events (kind); ALTER TABL events;")
    assert "index-not-concurrent" in rules(report)
    assert "unreadable-sql" in rules(report)
    assert report.exit_code is ExitCode.COULD_NOT_JUDGE


def test_an_unreadable_revision_makes_the_exit_code_3():
    where = Location("v.py", 3, 1, 3, 9)
    unreadable = CapturedRevision("a", (), "v.py", CaptureMode.UNREADABLE, reason="it stops", reason_location=where)
    report = Judge(POLICY, 16).report([unreadable], load_script(SCHEMA, version=16))
    assert [(f.rule, f.location) for f in report.findings] == [("unreadable-revision", where)]
    assert report.exit_code is ExitCode.COULD_NOT_JUDGE


def statement(sql: str, transaction: int | None = 1, line: int = 1) -> CapturedStatement:
    place = Location("v.py", line, 1, line, 80)
    return CapturedStatement(sql, place, place, transaction, autocommit=transaction is None)


def revision(name: str, *statements: CapturedStatement, down: tuple[str, ...] = (), mode=CaptureMode.RECORDED):
    return CapturedRevision(name, down, f"{name}.py", mode, statements)


def test_only_selected_revisions_are_judged_and_all_are_replayed():
    history = [
        revision("a", statement("CREATE TABLE t (n int)")),
        revision("b", statement("CREATE INDEX i ON t (n)"), down=("a",)),
    ]
    report = Judge(POLICY, 16).report(history, load_script("", version=16), selected=lambda r: r.revision == "b")
    assert [(f.revision, f.rule) for f in report.findings if f.level is Level.ERROR] == [("b", "index-not-concurrent")]
    assert [r.revision for r in report.revisions] == ["b"]


def test_after_a_revision_that_was_read_in_part_a_missing_name_is_no_error():
    history = [
        revision("a", mode=CaptureMode.PARTIAL),
        revision("b", statement("ALTER TABLE made_in_the_unread_part ADD COLUMN n int"), down=("a",)),
    ]
    report = Judge(POLICY, 16).report(history, load_script("", version=16), selected=lambda r: r.revision == "b")
    assert "server-rejects" not in rules(report)


ADD = "ALTER TABLE events ADD CONSTRAINT c CHECK (kind <> '') NOT VALID"
VALIDATE = "ALTER TABLE events VALIDATE CONSTRAINT c"


def test_pending_revisions_share_their_transaction():
    history = [
        revision("a"),
        revision("b", statement(ADD), down=("a",)),
        revision("c", statement(VALIDATE), down=("b",)),
    ]
    catalog = load_script(SCHEMA, version=16)
    pending = Judge(POLICY, 16).report(history, catalog, selected=lambda r: r.revision != "a")
    assert rules(pending) == ["validate-in-same-transaction"]


def test_a_whole_history_was_deployed_one_by_one():
    history = [revision("b", statement(ADD)), revision("c", statement(VALIDATE), down=("b",))]
    assert rules(Judge(POLICY, 16).report(history, load_script(SCHEMA, version=16))) == []


def test_a_loop_that_sends_one_statement_many_times_is_reported_once():
    same = statement("UPDATE events SET kind = 'x'")
    report = Judge(POLICY, 16).report([revision("a", same, same, same)], load_script(SCHEMA, version=16))
    assert rules(report) == ["data-change-in-revision"]


def test_findings_are_sorted_by_place_and_weight():
    sql = "DROP TABLE notes;\nCREATE INDEX i ON events (kind);\n"
    report = judge(sql, replace(POLICY, lock_timeout=None))
    assert [(f.location.line, f.rule) for f in report.findings if f.level is not Level.INFO] == [
        (1, "drop-table"),
        (1, "lock-timeout-missing"),
        (2, "index-not-concurrent"),
    ]


def test_every_rewrite_is_accounted_for_even_where_no_rule_names_it():
    assert rules(judge("ALTER TABLE events SET UNLOGGED;")) == ["table-rewrite"]


def test_a_rewrite_is_not_hidden_behind_a_finding_about_something_else():
    report = judge("ALTER TABLE events SET UNLOGGED, DROP COLUMN kind;")
    assert rules(report) == ["drop-column", "table-rewrite"]
