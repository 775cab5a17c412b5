"""Every kind of key is walked exactly: integers, UUIDs, texts with their collation, timestamps, several columns."""

from __future__ import annotations

import datetime
import uuid

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sluicegate.backfill import engine
from sluicegate.backfill.engine import Pace
from sluicegate.backfill.preflight import PreflightError
from sluicegate.errors import UsageError

TABLES = {
    "bigint": ("id bigint PRIMARY KEY", ("id",), "n * 7 - 100"),
    "smallint": ("id smallint PRIMARY KEY", ("id",), "n - 60"),
    "uuid": ("id uuid PRIMARY KEY", ("id",), "md5(n::text)::uuid"),
    "text": ("id text PRIMARY KEY", ("id",), "chr(64 + n % 26) || CASE WHEN n % 2 = 0 THEN 'é%' ELSE 'e''' END || n"),
    "text with a collation of its own": (
        'id text COLLATE "C" PRIMARY KEY',
        ("id",),
        "CASE WHEN n % 2 = 0 THEN 'ä' ELSE 'a' END || n",
    ),
    "varchar": ("id varchar(20) PRIMARY KEY", ("id",), "'k' || n"),
    "char": ("id char(8) PRIMARY KEY", ("id",), "'k' || n"),
    "numeric": ("id numeric PRIMARY KEY", ("id",), "n / 3.0"),
    "double precision": ("id double precision PRIMARY KEY", ("id",), "n / 3.0 + 1e-12"),
    "bytea": ("id bytea PRIMARY KEY", ("id",), "decode(md5(n::text), 'hex')"),
    "date": ("id date PRIMARY KEY", ("id",), "'2020-01-01'::date + n"),
    "interval": ("id interval PRIMARY KEY", ("id",), "make_interval(days => n, secs => n / 7.0)"),
    "inet": ("id inet PRIMARY KEY", ("id",), "'10.0.0.0'::inet + n"),
    "timestamptz with tie-breaker": (
        "at timestamptz NOT NULL, id int NOT NULL, PRIMARY KEY (at, id)",
        ("at", "id"),
        "'2026-03-29 00:59:59.999999+01'::timestamptz + (n / 50) * interval '1 microsecond', n",
    ),
    "timestamptz with separate primary key": (
        "at timestamptz NOT NULL, id int PRIMARY KEY",
        ("at", "id"),
        "'infinity'::timestamptz, n",
    ),
    "uuid and text": (
        "tenant uuid, name text, PRIMARY KEY (tenant, name)",
        ("tenant", "name"),
        "md5((n % 3)::text)::uuid, 'name ' || n",
    ),
    "quoted names": ('"Group" int, "or""der" int, PRIMARY KEY ("Group", "or""der")', ("Group", 'or"der'), "n % 4, n"),
    "descending": ("a int NOT NULL, b int NOT NULL, UNIQUE (a, b)", ("a", "b"), "n / 10, -n"),
}


@pytest.mark.parametrize("kind", TABLES)
def test_every_row_is_written_once_whatever_the_key(target, kind: str) -> None:
    columns, key, values = TABLES[kind]
    target.sql(f"CREATE TABLE walked ({columns})")
    target.sql(f"INSERT INTO walked SELECT {values} FROM generate_series(1, 123) AS n")
    if "separate" in kind:
        target.sql("CREATE INDEX ON walked (at, id)")
    target.sql("CREATE TABLE written (key text)")
    shown = ", ".join('row."{}"'.format(column.replace('"', '""')) for column in key)
    loaded = target.loaded(
        table="public.walked",
        key=key if len(key) > 1 else key[0],
        where="true",
        done=f"EXISTS (SELECT 1 FROM written AS w WHERE w.key = concat_ws('/', {shown}))",
        apply=f"INSERT INTO written SELECT concat_ws('/', {shown}) FROM {{chunk}} AS row",
    )
    assert target.run(loaded, size=10).state == "finished"
    assert target.log.chunks == [10] * 12 + [3]
    assert target.value("SELECT count(*) FROM written") == 123
    assert target.value("SELECT count(DISTINCT key) FROM written") == 123
    found = target.verify(loaded)
    assert (found.verified, found.figures.owed, found.figures.missing) == (True, 123, 0)


def test_bounds_are_kept_without_loss_of_microseconds_or_digits(target) -> None:
    target.sql("CREATE TABLE walked (at timestamptz PRIMARY KEY)")
    target.sql(
        "INSERT INTO walked SELECT timestamptz '2026-01-01' + n * interval '1 microsecond' FROM generate_series(1, 3) n"
    )
    target.sql("SET timezone = 'Asia/Kolkata'")
    loaded = target.loaded(
        table="public.walked", key="at", where="true", done="false", apply="SELECT 1 FROM {chunk} AS row"
    )
    target.run(loaded, size=1)
    ends = target.sql("SELECT hi[1]::timestamptz FROM sluicegate.chunk ORDER BY seq")
    assert ends == target.sql("SELECT at FROM walked ORDER BY at")


def refusal(target, **changes) -> str:
    """Run a backfill and return why it is refused."""
    with pytest.raises(PreflightError) as caught:
        target.run(target.loaded(table="public.walked", **changes))
    return caught.value.message


def test_a_key_that_cannot_be_walked_is_refused(target) -> None:
    target.sql(
        "CREATE TABLE walked (id int PRIMARY KEY, may_be_null int UNIQUE, no_index int NOT NULL, tie int NOT NULL);"
        "CREATE INDEX ON walked (tie); CREATE UNIQUE INDEX ON walked (no_index) WHERE no_index > 5;"
    )
    assert refusal(target, key="nope") == "public.walked has no column 'nope', which the key names."
    assert refusal(target, key="may_be_null") == (
        "Key column may_be_null of public.walked may be NULL, and a range walk never meets such rows."
    )
    assert refusal(target, key="tie") == (
        "Nothing makes (tie) unique in public.walked: rows that share a key at a chunk's edge would be left out or "
        "taken twice."
    )
    assert refusal(target, key="no_index").startswith("Nothing makes (no_index) unique")
    assert refusal(target, key=("no_index", "id")) == (
        "No index of public.walked begins with (no_index, id), so every chunk would read the whole table."
    )


def test_an_index_in_another_order_than_the_key_does_not_serve(target) -> None:
    target.sql("CREATE TABLE walked (id int PRIMARY KEY, t text NOT NULL)")
    target.sql('CREATE INDEX ON walked (t COLLATE "C", id)')
    target.sql("CREATE INDEX ON walked (t text_pattern_ops, id)")
    target.sql("CREATE INDEX ON walked (t, id DESC)")
    assert refusal(target, key=("t", "id")).startswith("No index of public.walked begins with (t, id)")
    target.sql("CREATE INDEX ON walked (t DESC, id DESC)")
    loaded = target.loaded(table="public.walked", key=("t", "id"), where="true", done="true")
    assert target.run(loaded).state == "finished"


def test_a_table_that_is_missing_or_hides_rows_is_refused(target) -> None:
    assert refusal(target) == f"There is no table public.walked in database {target.connection.info.dbname}."
    target.sql("CREATE TABLE walked (id int PRIMARY KEY); ALTER TABLE walked ENABLE ROW LEVEL SECURITY")
    target.sql("ALTER TABLE walked FORCE ROW LEVEL SECURITY; CREATE ROLE reader; GRANT ALL ON SCHEMA public TO reader")
    try:
        target.sql("GRANT SELECT ON walked TO reader; GRANT USAGE ON SCHEMA sluicegate TO reader")
        target.url += "&options=-crole%3Dreader"
        assert (
            refusal(target)
            == "Row security hides rows of public.walked from reader, so they would be left out silently."
        )
    finally:
        target.sql("DROP OWNED BY reader; DROP ROLE reader")


MICROSECONDS = st.builds(
    lambda number: datetime.datetime.fromtimestamp(0, datetime.UTC) + datetime.timedelta(microseconds=number),
    st.integers(-(2**51), 2**51) | st.integers(-50, 50),
)
KEYS = {
    "bigint": st.integers(-(2**63), 2**63 - 1) | st.integers(-20, 40),
    "uuid": st.builds(lambda number: uuid.UUID(int=number), st.integers(0, 2**128 - 1)),
    "text": st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6),
    "timestamptz": MICROSECONDS,
}


@pytest.mark.parametrize("kind", KEYS)
def test_the_chunks_of_any_keys_hold_each_key_once_and_never_more_than_asked_for(target, kind: str) -> None:
    target.sql(
        f"CREATE TABLE walked (id {kind}, tie int, PRIMARY KEY (id, tie)); CREATE TABLE written (id {kind}, tie int)"
    )
    loaded = target.loaded(
        table="public.walked",
        key=("id", "tie"),
        where="true",
        done="EXISTS (SELECT 1 FROM written AS w WHERE (w.id, w.tie) = (row.id, row.tie))",
        apply="INSERT INTO written SELECT row.id, row.tie FROM {chunk} AS row",
    )

    @settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
    @given(keys=st.lists(KEYS[kind], max_size=40, unique=True), ties=st.integers(1, 3), size=st.integers(1, 15))
    def walk(keys, ties: int, size: int) -> None:
        target.sql("TRUNCATE walked, written; TRUNCATE sluicegate.backfill CASCADE")
        with target.connection.cursor() as cursor:
            rows = [(key, tie) for key in keys for tie in range(ties)]
            cursor.executemany("INSERT INTO walked VALUES (%s, %s)", rows)
        assert target.run(loaded, size=size).state == "finished"
        expected = (len(rows), len(rows))
        assert target.sql("SELECT count(*), count(DISTINCT (id, tie)) FROM written") == [expected]
        held = target.sql(
            "SELECT c.rows, (SELECT count(*) FROM walked w"
            f" WHERE (c.lo IS NULL OR (w.id, w.tie) > (c.lo[1]::{kind}, c.lo[2]::int))"
            f" AND (w.id, w.tie) <= (c.hi[1]::{kind}, c.hi[2]::int)) FROM sluicegate.chunk c ORDER BY seq"
        )
        full, rest = divmod(len(rows), size)
        assert held == [(size, size)] * full + [(rest, rest)] * bool(rest)

    walk()


def test_a_key_whose_order_may_have_changed_under_its_index_is_refused(target) -> None:
    target.sql("CREATE COLLATION own (provider = builtin, locale = 'C.UTF-8')")
    target.sql("CREATE TABLE walked (id text COLLATE own PRIMARY KEY)")
    loaded = target.loaded(table="public.walked", where="true", done="false", apply="SELECT 1 FROM {chunk} AS row")
    assert target.run(loaded).state == "finished"
    target.sql("UPDATE pg_collation SET collversion = '0' WHERE collname = 'own'")
    assert refusal(target, key="id") == (
        "The collation of key column id of public.walked had version 0 when its index was built and has version 1 now, "
        "so the index may be out of order and keys may be left out."
    )
    target.sql("ALTER COLLATION own REFRESH VERSION")
    assert not target.run(loaded).worked
    target.sql("UPDATE sluicegate.backfill SET key_types = ARRAY['id text collation version 0']")
    with pytest.raises(UsageError) as caught:
        target.run(loaded)
    assert "the key was (id text collation version 0) and is (id text collation version 1) now" in caught.value.message
    assert (caught.value.hint or "").endswith("sluicegate backfill run 0003_status --restart")
    assert target.run(loaded, restart=True).state == "finished"


def test_chunks_follow_a_target_time_on_request(target) -> None:
    target.sql("INSERT INTO events (payload) SELECT 'x' FROM generate_series(1, 1500); ANALYZE events")
    slow = target.loaded(apply="INSERT INTO status SELECT row.id, pg_sleep(0.0002)::text FROM {chunk} AS row")
    pace = Pace(10, 0, 30, target_seconds=0.1)
    assert engine.run(slow, target.url, pace, target.around()).state == "finished"
    assert (target.missing(), target.doubles()) == (0, 0)
    assert target.log.chunks[:4] == [10] * 4
    assert target.log.chunks[4] > 10
    assert 20 < max(target.log.chunks) < 1000
