"""A wrong prediction is printed loudly, with everything that a report of it needs."""

from __future__ import annotations

import json

from sluicegate.dryrun.compare import compare
from sluicegate.dryrun.fingerprint import Proof
from sluicegate.dryrun.observation import Observation
from sluicegate.dryrun.report import DryRun, Outcome, RevisionRun, StatementRun
from sluicegate.effects.model import Effects, LockMode
from sluicegate.errors import ExitCode
from sluicegate.findings import Location
from sluicegate.render.dryrun import render_json, render_text
from sluicegate.statements.parse import parse_statement


def wrong_run(proof: Proof | None = None) -> DryRun:
    sql = "ALTER TABLE t ALTER COLUMN a TYPE bigint"
    predicted = Effects(locks={"public.t": LockMode.ShareLock})
    observation = Observation(
        Effects(
            locks={"public.t": LockMode.AccessExclusiveLock},
            rewrites=frozenset({"public.t"}),
            scans=frozenset({"public.t"}),
            reasons={"public.t": "a column's type changes"},
        ),
        seconds=0.0123,
        notices=('rewriting table "t"',),
        wal_bytes=512,
    )
    place = Location("versions/0002_widen.py", 16, 5, 16, 60)
    statement = StatementRun(
        sql=sql,
        location=place,
        upgrade_location=place,
        operation="alter_column",
        autocommit=False,
        observation=observation,
        prediction=predicted,
        comparison=compare(predicted, observation, parse_statement(sql), with_rows=False),
    )
    revision = RevisionRun("0002", "Widen.", "versions/0002_widen.py", Outcome.RAN, (statement,))
    return DryRun(18, "a clone", (revision,), proof=proof)


def test_a_wrong_prediction_is_loud() -> None:
    run = wrong_run()
    assert run.exit_code is ExitCode.FINDINGS
    assert render_text(run, width=100) == (
        """\
Dry run in a clone.

Revision 0002: Widen.
versions/0002_widen.py
line  statement                        what it did                            time  verdict
  16  ALTER TABLE t ALTER COLUMN a     ACCESS EXCLUSIVE on public.t:       12.3 ms  NOT AS PREDICTED
      TYPE bigint                      reads and writes wait
                                       rewrites public.t: a column's
                                       type changes

Our prediction was wrong at versions/0002_widen.py:16. Please report it with the statement and these lines:
  PostgreSQL 18: ALTER TABLE t ALTER COLUMN a TYPE bigint
  locks on public.t: predicted ShareLock, observed AccessExclusiveLock
  rewrites on public.t: predicted no, observed yes
  scans on public.t: predicted no, observed yes

1 revision, 1 statement: 1 not as predicted.
"""
    )


def test_json_says_the_same() -> None:
    document = json.loads(render_json(wrong_run()))
    statement = document["revisions"][0]["statements"][0]
    assert statement["evidence"] == "contradicted"
    assert statement["differences"][0] == {
        "field": "locks",
        "subject": "public.t",
        "predicted": "ShareLock",
        "observed": "AccessExclusiveLock",
    }
    assert statement["observed"]["server_says"] == ['rewriting table "t"']
    assert statement["observed"]["milliseconds"] == 12.3
    assert statement["predicted"]["locks"] == [{"relation": "public.t", "mode": "ShareLock"}]
    assert document["summary"]["contradicted"] == document["summary"]["exit_code"] == 1


def test_a_changed_catalog_outweighs_everything() -> None:
    proof = Proof(catalogs=30, changed=("pg_class",), position=("0001",), moved=True, sequences=("public.t_id_seq",))
    run = wrong_run(proof)
    assert run.exit_code is ExitCode.RUN_FAILED
    text = render_text(run)
    assert "SOMETHING CHANGED while the transaction was open: pg_class, alembic_version. " in text
    assert "Sequences never roll back; these went on, by this run or by another session: public.t_id_seq.\n" in text


def test_colours_are_for_terminals_only() -> None:
    assert "\x1b[" not in render_text(wrong_run())
    assert "\x1b[1;31mNOT AS PREDICTED" in render_text(wrong_run(), color=True)


def test_nothing_pending_is_said() -> None:
    run = DryRun(18, "a clone", notes=("nothing is pending",))
    assert render_text(run) == "Dry run in a clone.\n  nothing is pending\n\nNo revision was run.\n"
    assert run.exit_code is ExitCode.CLEAN
