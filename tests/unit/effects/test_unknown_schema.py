"""What an incomplete schema leaves open is unknown: neither an error of the statement nor nothing."""

from __future__ import annotations

import pytest

from sluicegate.catalog.model import Catalog
from sluicegate.catalog.session import Session
from sluicegate.effects.model import Certainty, Effects
from sluicegate.effects.predict import predict
from sluicegate.statements.parse import parse_statement


def judged(sql: str) -> Effects:
    return predict(parse_statement(sql), Catalog(complete=False), Session(), 18)


@pytest.mark.parametrize(
    "sql",
    [
        "DROP INDEX ix",
        "INSERT INTO users (name) VALUES ('x')",
        "CREATE TABLE t (id int REFERENCES users (id))",
        "CREATE TABLE p PARTITION OF parent FOR VALUES IN (1)",
        "CREATE TRIGGER t BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION f()",
        "REFRESH MATERIALIZED VIEW mv",
        "REINDEX TABLE users",
        "COMMENT ON TABLE users IS 'x'",
    ],
)
def test_what_was_never_seen_leaves_the_answer_open(sql: str) -> None:
    effects = judged(sql)
    assert effects.error is None
    assert effects.certainty is Certainty.UNKNOWN
    assert effects.unknowns


def test_a_function_that_was_never_seen_leaves_the_answer_open() -> None:
    effects = judged("CALL refresh_everything()")
    assert effects.error is None
    assert effects.unknowns == ("procedure refresh_everything() is not in the schema that was given",)


def test_dynamic_sql_that_is_put_together_at_run_time_is_unknown() -> None:
    effects = judged("DO $$ BEGIN EXECUTE 'DROP TABLE ' || current_setting('x.y'); END $$")
    assert effects.certainty is Certainty.UNKNOWN
    assert "EXECUTE runs SQL that is put together at run time" in effects.unknowns[0]
