"""What a chunk's range implies about other tables is found where it holds, and nowhere else."""

from __future__ import annotations

import pytest

from sluicegate.backfill.implied import in_condition, in_statement, never_null


def shown(text: str, found: tuple) -> list[tuple[str, str]]:
    """Return where conditions may be put in: the text that follows, and the column."""
    return [(text[one.offset :][:12], f"{one.table}.{one.column}") for one in found]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("EXISTS (SELECT 1 FROM s WHERE s.event_id = row.id)", [("s.event_id =", "s.event_id")]),
        ("EXISTS (SELECT 1 FROM a.status AS s WHERE row.id = s.e)", [("row.id = s.e", "status.e")]),
        ("NOT EXISTS (SELECT FROM s WHERE s.ok AND (s.e = row.id))", [("s.e = row.id", "s.e")]),
        ("row.größe > 1 AND EXISTS (SELECT FROM s WHERE s.e = row.id)", [("s.e = row.id", "s.e")]),
        ("EXISTS (SELECT 1 FROM s JOIN u ON s.e = row.id WHERE true)", [("s.e = row.id", "s.e")]),
        # Within OR the equality need not hold for the row that is found.
        ("EXISTS (SELECT 1 FROM s WHERE s.e = row.id OR s.all)", []),
        ("EXISTS (SELECT 1 FROM s WHERE NOT s.e = row.id)", []),
        ("EXISTS (SELECT 1 FROM s WHERE s.e <= row.id)", []),
        ("EXISTS (SELECT 1 FROM s WHERE s.e + 1 = row.id)", []),
        ("EXISTS (SELECT 1 FROM s WHERE s.e = row.other)", []),
        # Here row is another table's.
        ("EXISTS (SELECT 1 FROM s, u AS row WHERE s.e = row.id)", []),
        # A subquery's columns and renamed ones are not in the catalog.
        ("EXISTS (SELECT 1 FROM (SELECT 1 AS e) AS s WHERE s.e = row.id)", []),
        ("EXISTS (SELECT 1 FROM s AS s (e) WHERE s.e = row.id)", []),
        ("EXISTS (WITH s AS (SELECT 1 AS e) SELECT 1 FROM s WHERE s.e = row.id)", []),
        ("row.id IN (SELECT s.e FROM s)", []),
        ("row.done", []),
    ],
)
def test_conditions(condition: str, expected: list[tuple[str, str]]) -> None:
    assert shown(condition, in_condition(condition, "id")) == expected


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("UPDATE t SET x = 1 FROM sg_chnk AS row WHERE t.id = row.id", [("t.id = row.i", "t.id")]),
        ("DELETE FROM t USING sg_chnk AS r WHERE r.id = t.id AND t.x", [("r.id = t.id ", "t.id")]),
        (
            "INSERT INTO s SELECT row.id FROM sg_chnk AS row LEFT JOIN e ON e.event_id = row.id",
            [("e.event_id =", "e.event_id")],
        ),
        ("UPDATE t SET x = 1 FROM sg_chnk AS row WHERE t.other = row.other", []),
        ("INSERT INTO s SELECT row.id FROM sg_chnk AS row", []),
        ("WITH e AS (SELECT 1 AS id) INSERT INTO s SELECT 1 FROM sg_chnk AS row JOIN e ON e.id = row.id", []),
    ],
)
def test_statements(statement: str, expected: list[tuple[str, str]]) -> None:
    assert shown(statement, in_statement(statement, "id")) == expected


@pytest.mark.parametrize(
    ("condition", "certain"),
    [
        ("EXISTS (SELECT 1)", True),
        ("NOT EXISTS (SELECT 1) AND row.x IS NOT NULL", True),
        ("row.x IS TRUE OR row.y IS NULL", True),
        ("row.done", False),
        ("row.x IS NULL AND row.done", False),
        ("row.id IN (SELECT 1)", False),
    ],
)
def test_a_condition_that_may_be_null_is_told_from_one_that_cannot(condition: str, certain: bool) -> None:
    assert never_null(condition) is certain
