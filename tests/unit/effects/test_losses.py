"""What is gone after a statement: asked for, or taken along silently."""

from __future__ import annotations

from sluicegate.catalog.dump import load_script
from sluicegate.catalog.session import Session
from sluicegate.effects.model import Loss, LossKind
from sluicegate.effects.predict import predict
from sluicegate.statements.parse import parse_statement

SCHEMA = """
CREATE EXTENSION vector;
CREATE TYPE mood AS ENUM ('ok');
CREATE TABLE orgs (id int PRIMARY KEY);
CREATE TABLE users (id serial PRIMARY KEY, org int REFERENCES orgs, m mood, e vector(3));
CREATE INDEX ix ON users (m);
CREATE VIEW v AS SELECT id FROM users;
"""


def losses(sql: str) -> set[Loss]:
    return set(predict(parse_statement(sql), load_script(SCHEMA, version=18), Session(), 18).losses)


def test_a_cascade_takes_the_foreign_keys_and_views_of_others_along() -> None:
    assert losses("DROP TABLE orgs CASCADE") == {
        Loss(LossKind.TABLE, "public.orgs", detail="table"),
        Loss(LossKind.CONSTRAINT, "public.users", "users_org_fkey", asked=False, detail="foreign key"),
    }
    assert losses("DROP TABLE users CASCADE") == {
        Loss(LossKind.TABLE, "public.users", detail="table"),
        Loss(LossKind.OBJECT, "public.users_id_seq", asked=False, detail="sequence"),
        Loss(LossKind.OBJECT, "public.v", asked=False, detail="view"),
    }


def test_dropping_a_type_takes_columns_and_their_indexes_along() -> None:
    assert losses("DROP TYPE mood CASCADE") == {
        Loss(LossKind.OBJECT, "public.mood", detail="type"),
        Loss(LossKind.COLUMN, "public.users", "m", asked=False, detail="mood"),
        Loss(LossKind.INDEX, "public.users", "ix", asked=False, detail="btree"),
    }


def test_dropping_the_vector_extension_takes_embeddings_along() -> None:
    assert Loss(LossKind.COLUMN, "public.users", "e", asked=False, detail="vector(3)") in losses(
        "DROP EXTENSION vector CASCADE"
    )


def test_rows_are_lost_by_truncate_and_by_a_delete_that_cascades() -> None:
    assert losses("TRUNCATE users") == {Loss(LossKind.ROWS, "public.users", detail="all rows")}
    assert losses("TRUNCATE orgs CASCADE") == {
        Loss(LossKind.ROWS, "public.orgs", detail="all rows"),
        Loss(LossKind.ROWS, "public.users", asked=False, detail="all rows"),
    }
    assert losses("UPDATE users SET e = NULL") == {Loss(LossKind.VALUES, "public.users", "e", detail="overwritten")}
