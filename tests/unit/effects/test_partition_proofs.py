"""When a table's constraints prove a partition's bound, and when the server has to read the rows."""

from __future__ import annotations

import pytest

from sluicegate.catalog.dump import load_script
from sluicegate.catalog.session import Session
from sluicegate.effects.model import Effects
from sluicegate.effects.predict import predict
from sluicegate.statements.parse import parse_statement

SCHEMA = """
CREATE TABLE r (k int, t text) PARTITION BY RANGE (k);
CREATE TABLE r1 PARTITION OF r FOR VALUES FROM (0) TO (100);
CREATE TABLE l (k int, t text) PARTITION BY LIST (t);
"""


def attached(child: str, parent: str, bound: str) -> Effects:
    catalog = load_script(f"{SCHEMA} CREATE TABLE c (k int, t text {child});", version=18)
    return predict(parse_statement(f"ALTER TABLE {parent} ATTACH PARTITION c {bound}"), catalog, Session(), 18)


@pytest.mark.parametrize(
    ("constraints", "scanned"),
    [
        ("", True),
        (", CHECK (k >= 100 AND k < 200)", True),
        (", CHECK (k IS NOT NULL AND k >= 100 AND k < 200)", False),
        (", CHECK (k IS NOT NULL), CHECK (k >= 100), CHECK (k < 150)", False),
        (", CHECK (k IS NOT NULL AND k BETWEEN 100 AND 199)", False),
        (", CHECK (k IS NOT NULL AND k BETWEEN 100 AND 200)", True),
        (", CHECK (k IS NOT NULL AND k IN (100, 150))", False),
        (", CHECK (k IS NOT NULL AND (k = 100 OR k = 199))", False),
        (", CHECK (k IS NOT NULL AND (k = 100 OR k = 200))", True),
        (", CHECK (k IS NOT NULL AND 100 <= k AND 200 > k)", False),
        (", CHECK (k IS NOT NULL AND k > 99 AND k < 200)", True),
    ],
)
def test_a_range_is_proved_by_checks_that_lie_within_it(constraints: str, scanned: bool) -> None:
    effects = attached(constraints, "r", "FOR VALUES FROM (100) TO (200)")
    assert effects.error is None
    assert (effects.scans == {"public.c"}) is scanned


@pytest.mark.parametrize(
    ("constraints", "scanned"),
    [
        ("NOT NULL, CHECK (t = 'a')", False),
        ("NOT NULL, CHECK (t IN ('a', 'b'))", False),
        ("NOT NULL, CHECK (t IN ('a', 'c'))", True),
        (", CHECK (t = 'a')", True),
    ],
)
def test_a_list_is_proved_by_checks_that_name_its_values(constraints: str, scanned: bool) -> None:
    effects = attached(constraints, "l", "FOR VALUES IN ('a', 'b')")
    assert (effects.scans == {"public.c"}) is scanned


def test_text_that_only_a_collation_can_order_leaves_an_overlap_open() -> None:
    catalog = load_script(
        "CREATE TABLE n (t text) PARTITION BY RANGE (t);CREATE TABLE n1 PARTITION OF n FOR VALUES FROM ('A') TO ('b');",
        version=18,
    )
    effects = predict(
        parse_statement("CREATE TABLE n2 PARTITION OF n FOR VALUES FROM ('C') TO ('d')"), catalog, Session(), 18
    )
    assert effects.error is None
    assert effects.unknowns == ("whether the bound overlaps another partition's cannot be told",)
