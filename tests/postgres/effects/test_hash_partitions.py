"""A key's hash partition is found as the server finds it."""

from __future__ import annotations

import uuid
from decimal import Decimal

import psycopg
import pytest

from sluicegate.effects.hash_partitions import partition_hash

KEYS = [
    *(("int2", Decimal(value), f"{value}::int2") for value in (0, 7, -7, 32767)),
    *(("int4", Decimal(value), f"{value}::int4") for value in (0, 1, 42, -1, 2147483647)),
    *(("int8", Decimal(value), f"{value}::int8") for value in (0, 12345, -12345, 1 << 40, -(1 << 40))),
    *(("text", value, f"'{value}'::text") for value in ("", "a", "tenant-1", "exactly12byt", "more than one block")),
    *(("uuid", value.int, f"'{value}'::uuid") for value in (uuid.UUID(int=0), uuid.UUID(int=1 << 100 | 77))),
]


@pytest.mark.parametrize(("name", "value", "literal"), KEYS, ids=[key[2] for key in KEYS])
def test_a_key_goes_to_the_partition_that_the_server_chooses(
    database: str, name: str, value: object, literal: str
) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(f"CREATE TABLE h (k {name}) PARTITION BY HASH (k)")
        row = connection.execute(
            f"SELECT r FROM generate_series(0, 996) r WHERE satisfies_hash_partition('h'::regclass, 997, r, {literal})"
        ).fetchone()
    hashed = partition_hash([(name, value)])
    assert row is not None
    assert hashed is not None
    assert hashed % 997 == row[0]


def test_a_key_of_several_columns_goes_to_the_partition_that_the_server_chooses(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("CREATE TABLE h (a int, b text, c bigint) PARTITION BY HASH (a, b, c)")
        row = connection.execute(
            "SELECT r FROM generate_series(0, 996) r"
            " WHERE satisfies_hash_partition('h'::regclass, 997, r, 5, 'x'::text, NULL::bigint)"
        ).fetchone()
    assert row is not None
    assert partition_hash([("int4", Decimal(5)), ("text", "x"), ("int8", None)]) % 997 == row[0]
