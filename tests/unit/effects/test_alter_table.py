"""ALTER TABLE without a server: what a prediction says beyond locks and scans, and what it cannot know."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sluicegate.catalog.dump import load_script
from sluicegate.catalog.model import Catalog
from sluicegate.catalog.session import Session
from sluicegate.effects.model import Certainty, Effects, LockMode, LossKind
from sluicegate.effects.predict import predict
from sluicegate.statements.parse import parse_statement

SCHEMA = """
CREATE EXTENSION vector;
CREATE TABLE organizations (id bigint PRIMARY KEY);
CREATE TABLE docs (
    id bigint PRIMARY KEY, org bigint REFERENCES organizations, title varchar(100), views int,
    embedding vector(384), CONSTRAINT titled CHECK (title IS NOT NULL)
);
CREATE INDEX docs_hnsw ON docs USING hnsw (embedding vector_cosine_ops);
CREATE INDEX docs_title ON docs (title);
CREATE VIEW titles AS SELECT title FROM docs;
"""
CATALOG = load_script(SCHEMA, version=18)


def effects(sql: str, catalog: Catalog = CATALOG, version: int = 18) -> Effects:
    return predict(parse_statement(sql), catalog, Session(), version)


def refused(sql: str, catalog: Catalog = CATALOG) -> str:
    error = effects(sql, catalog).error
    assert error is not None
    return str(error)


def test_a_volatile_default_rewrites_and_the_reason_names_the_column() -> None:
    found = effects("ALTER TABLE docs ADD COLUMN token uuid DEFAULT gen_random_uuid()")
    assert found.rewrites == {"public.docs"}
    assert found.index_builds == {"public.docs"}
    assert found.reasons == {"public.docs": "the default of token is volatile, so every row gets a value of its own"}


def test_a_stable_default_is_kept_once_and_touches_no_row() -> None:
    found = effects("ALTER TABLE docs ADD COLUMN seen timestamptz DEFAULT now() NOT NULL")
    assert (found.rewrites, found.scans, found.index_builds) == (frozenset(), frozenset(), frozenset())
    assert found.locks == {"public.docs": LockMode.AccessExclusiveLock}


def test_a_default_by_a_function_that_is_not_known_leaves_the_rewrite_open() -> None:
    partial = replace(CATALOG, complete=False)
    found = effects("ALTER TABLE docs ADD COLUMN token text DEFAULT make_token()", partial)
    assert found.certainty is Certainty.UNKNOWN
    assert any("make_token" in phrase for phrase in found.unknowns)


def test_a_table_that_is_only_mentioned_is_certain_where_its_shape_does_not_matter() -> None:
    partial = replace(CATALOG, complete=False)
    added = effects("ALTER TABLE nowhere ADD COLUMN a int", partial)
    assert (added.certainty, added.locks) == (
        Certainty.CERTAIN,
        {"public.nowhere": LockMode.AccessExclusiveLock},
    )
    keyed = effects("ALTER TABLE nowhere ADD FOREIGN KEY (doc) REFERENCES docs (id)", partial)
    assert (keyed.certainty, keyed.scans) == (Certainty.CERTAIN, {"public.docs", "public.nowhere"})
    assert effects("ALTER TABLE nowhere ALTER a TYPE text", partial).certainty is Certainty.UNKNOWN


def test_not_null_without_a_default_depends_on_whether_there_are_rows() -> None:
    found = effects("ALTER TABLE docs ADD COLUMN kind text NOT NULL")
    assert found.scans == {"public.docs"}
    assert found.depends_on_data == ("fails if public.docs holds a row",)


def test_a_check_that_proves_not_null_spares_the_scan_until_it_goes_in_the_same_statement() -> None:
    assert effects("ALTER TABLE docs ALTER title SET NOT NULL").scans == frozenset()
    together = effects("ALTER TABLE docs ALTER title SET NOT NULL, DROP CONSTRAINT titled")
    assert together.scans == {"public.docs"}


def test_dropping_a_vector_says_that_its_index_goes_silently() -> None:
    found = effects("ALTER TABLE docs DROP COLUMN embedding")
    assert {(loss.kind, loss.name, loss.asked, loss.detail) for loss in found.losses} == {
        (LossKind.COLUMN, "embedding", True, "vector(384)"),
        (LossKind.INDEX, "docs_hnsw", False, "hnsw"),
    }


def test_a_using_clause_that_ignores_the_column_loses_its_values() -> None:
    found = effects("ALTER TABLE docs ALTER embedding TYPE vector(512) USING NULL")
    assert [(loss.kind, loss.name, loss.asked) for loss in found.losses] == [(LossKind.VALUES, "embedding", False)]
    assert found.rewrites == {"public.docs"}


def test_dropping_the_dimension_keeps_the_index_of_an_ordinary_table() -> None:
    found = effects("ALTER TABLE docs ALTER embedding TYPE vector")
    assert (found.rewrites, found.index_builds) == (frozenset(), frozenset())
    assert found.index_locks == {"public.docs_hnsw": LockMode.AccessExclusiveLock}


def test_a_free_type_change_reads_the_table_when_a_check_names_the_column() -> None:
    free = load_script("CREATE TABLE a (b varchar(5), CHECK (b <> ''))", version=18)
    found = effects("ALTER TABLE a ALTER b TYPE varchar(9)", free)
    assert (found.rewrites, found.scans) == (frozenset(), {"public.a"})


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        (
            "ALTER TABLE docs ALTER title TYPE text",
            "0A000: cannot alter type of a column used by a view or rule",
        ),
        (
            "ALTER TABLE docs ALTER embedding TYPE halfvec(384)",
            '42804: operator class "vector_cosine_ops" does not accept data type halfvec',
        ),
        (
            "ALTER TABLE docs ALTER embedding TYPE vector(2001) USING NULL",
            "54000: column cannot have more than 2000 dimensions for hnsw index",
        ),
        (
            "ALTER TABLE docs ADD FOREIGN KEY (title) REFERENCES organizations (id)",
            '42804: foreign key constraint "docs_title_fkey" cannot be implemented',
        ),
        (
            "ALTER TABLE organizations DROP COLUMN id",
            "2BP01: cannot drop column id of table organizations because other objects depend on it",
        ),
        (
            "ALTER TABLE docs ADD COLUMN v vector(3) DEFAULT ARRAY[1,2]",
            "22000: expected 3 dimensions, not 2",
        ),
        (
            "ALTER TABLE titles ADD COLUMN a int",
            '42809: ALTER action ADD COLUMN cannot be performed on relation "titles"',
        ),
    ],
)
def test_the_server_s_words_are_used_for_what_it_rejects(sql: str, message: str) -> None:
    assert refused(sql) == message


def test_a_rejected_statement_leaves_nothing_behind() -> None:
    found = effects("ALTER TABLE docs ADD COLUMN a int, DROP COLUMN nosuch")
    assert found.error is not None
    assert (found.locks, found.index_locks, found.losses) == ({}, {}, ())


def test_one_statement_takes_the_strongest_lock_of_its_actions() -> None:
    weak = effects("ALTER TABLE docs ALTER views SET STATISTICS 100, SET (fillfactor = 70)")
    assert weak.locks == {"public.docs": LockMode.ShareUpdateExclusiveLock}
    strong = effects("ALTER TABLE docs ALTER views SET STATISTICS 100, ALTER views SET DEFAULT 1")
    assert strong.locks == {"public.docs": LockMode.AccessExclusiveLock}
