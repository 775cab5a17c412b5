"""A Python function does the work for a chunk's rows: exactly once, in the chunk's transaction or outside of any."""

from __future__ import annotations

import datetime
import math
import signal
import textwrap
import uuid

import psycopg
import pytest
from pgvector import Vector

from sluicegate import Apply
from sluicegate.backfill.session import BackfillFailedError

DONE = "EXISTS (SELECT 1 FROM embeddings AS e WHERE e.event_id = row.id)"


def embed(rows):
    """A vector of length 1 for each event, told by its payload."""
    for row in rows:
        angle = float(len(row.payload))
        yield row.id, [math.cos(angle), math.sin(angle), 0.0]


def embedding(target, function=embed, **changes):
    """A backfill that gives every event a vector."""
    target.sql("CREATE TABLE IF NOT EXISTS embeddings (event_id bigint, embedding vector(3) NOT NULL)")
    given = {"columns": ("payload",), "into": "public.embeddings", "writes": ("event_id", "embedding"), **changes}
    return target.loaded(done=DONE, apply=Apply(function, **given))


def fill(target, rows: int = 500) -> None:
    """Events, one in five of them without payload."""
    target.sql(f"INSERT INTO events (payload) SELECT repeat('x', n % 5) FROM generate_series(1, {rows}) AS n")


def check_vectors(target, rows: int) -> None:
    """Every owed event has one vector, the right one."""
    assert target.sql("SELECT count(*), count(DISTINCT event_id) FROM embeddings") == [(rows, rows)]
    wrong = target.value(
        "SELECT count(*) FROM embeddings e JOIN events v ON v.id = e.event_id WHERE embedding <->"
        " ARRAY[cos(length(payload)), sin(length(payload)), 0]::vector > 1e-6"
    )
    assert wrong == 0


@pytest.mark.parametrize("network", [False, True])
def test_what_the_function_returns_is_written_once(target_both, network: bool) -> None:
    target = target_both
    fill(target)
    loaded = embedding(target, network=network)
    assert target.run(loaded, size=60).state == "finished"
    check_vectors(target, 400)
    assert target.value("SELECT sum(rows)::int FROM sluicegate.chunk") == 400
    assert target.value("SELECT rows_written FROM sluicegate.backfill") == 400
    assert target.verify(loaded).verified
    assert not target.run(loaded, size=60).worked


def test_every_kind_of_value_arrives_as_it_was(target) -> None:
    target.sql("CREATE TABLE source (id uuid, at timestamptz, PRIMARY KEY (at, id))")
    target.sql(
        "INSERT INTO source SELECT md5(n::text)::uuid, '2026-01-01'::timestamptz + n * interval '1 microsecond'"
        " FROM generate_series(1, 50) n"
    )
    target.sql("CREATE TABLE copied (at timestamptz, id uuid, half halfvec(2), note text, data jsonb, list int[])")
    seen = []

    def copy(rows):
        seen.extend(rows)
        return [
            (
                row.at,
                row.id,
                Vector([1, 2]).to_list(),
                "tab\t, line\n, \\N and é",
                psycopg.types.json.Jsonb({"a": [1]}),
                [1, 2],
            )
            for row in rows
        ]

    loaded = target.loaded(
        table="public.source",
        key=("at", "id"),
        where="true",
        done="EXISTS (SELECT 1 FROM copied AS c WHERE (c.at, c.id) = (row.at, row.id))",
        apply=Apply(copy, columns=(), into="public.copied", writes=("at", "id", "half", "note", "data", "list")),
    )
    assert target.run(loaded, size=7).state == "finished"
    assert target.value("SELECT count(*) FROM copied JOIN source USING (at, id)") == 50
    assert target.sql("SELECT DISTINCT half::text, note, data, list FROM copied") == [
        ("[1,2]", "tab\t, line\n, \\N and é", {"a": [1]}, [1, 2])
    ]
    assert (type(seen[0].id), type(seen[0].at)) == (uuid.UUID, datetime.datetime)
    assert target.verify(loaded).verified


def test_rows_can_be_changed_in_place_and_in_another_table(target) -> None:
    fill(target, 100)
    target.sql("ALTER TABLE events ADD COLUMN size int; CREATE TABLE other (id int PRIMARY KEY, size int)")
    target.sql("INSERT INTO other SELECT id FROM events")
    for name, table, done in (
        ("0003_a", "public.events", "row.size IS NOT NULL"),
        ("0004_b", "public.other", "(SELECT o.size FROM other o WHERE o.id = row.id) IS NOT NULL"),
    ):
        work = Apply(
            lambda rows: [(row.id, len(row.payload)) for row in rows],
            columns=("payload",),
            into=table,
            writes=("id", "size"),
            update=True,
        )
        loaded = target.loaded(name, where="true", done=done, apply=work)
        assert target.run(loaded, size=30).state == "finished"
        assert target.verify(loaded).verified
        assert (
            target.value(f"SELECT count(*) FROM {table} t JOIN events e USING (id) WHERE t.size = length(e.payload)")
            == 100
        )


def test_a_row_may_yield_several_or_none(target) -> None:
    fill(target, 20)

    def pieces(rows):
        return [(row.id, [i, 1, 1]) for row in rows for i in range(len(row.payload) % 3)]

    assert target.run(embedding(target, pieces), size=6).state == "finished"
    assert target.sql(
        "SELECT n, count(*) FROM (SELECT count(*) AS n FROM embeddings GROUP BY event_id) q GROUP BY n ORDER BY n"
    ) == [(1, 8), (2, 4)]
    found = target.verify(embedding(target, pieces))
    assert (found.verified, found.figures.missing) == (False, 4)


def test_rows_that_the_function_or_the_column_refuses_are_parked(target) -> None:
    fill(target, 50)
    target.sql("UPDATE events SET payload = 'boom' WHERE id = 8; UPDATE events SET payload = 'nan' WHERE id = 9")
    target.sql("UPDATE events SET payload = 'long' WHERE id = 11")

    def strict(rows):
        for row in rows:
            if row.payload == "boom":
                raise ValueError("no such word")
            yield row.id, {"nan": [math.nan] * 3, "long": [1, 2, 3, 4]}.get(row.payload, [1, 2, 3])

    for network in (False, True):
        target.log.parked_rows.clear()
        assert target.run(embedding(target, strict, network=network), size=25).state == "finished_with_parked"
        assert sorted(target.log.parked_rows) == [
            (("11",), "expected 3 dimensions, not 4"),
            (("8",), "strict raised ValueError: no such word"),
            (("9",), "NaN not allowed in vector"),
        ]
        assert target.sql("SELECT key[1], sqlstate FROM sluicegate.parked ORDER BY 1") == [
            ("11", "22000"),
            ("8", "38000"),
            ("9", "22000"),
        ]
        assert target.sql("SELECT count(*), count(DISTINCT event_id) FROM embeddings") == [(37, 37)]


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        ([(1, [1, 2, 3], "more")], "the function returned 3 values, and writes names 2 columns"),
        ([(999, [1, 2, 3])], "the function returned a row for key 999, which it was not given"),
    ],
)
def test_a_function_that_returns_what_nobody_asked_for_ends_the_run(target, returned, message: str) -> None:
    fill(target, 10)
    with pytest.raises(BackfillFailedError, match=message):
        target.run(embedding(target, lambda _rows: returned))
    assert target.value("SELECT count(*) FROM embeddings") == 0


@pytest.mark.parametrize("network", [False, True])
def test_rows_that_change_while_the_function_runs_are_not_written_from_what_they_were(target, network: bool) -> None:
    fill(target, 30)
    changed = []

    def slow(rows):
        if not changed:
            target.sql("UPDATE events SET payload = 'longer than before' WHERE id = 3; DELETE FROM events WHERE id = 4")
            changed.append(True)
        return list(embed(rows))

    loaded = embedding(target, slow, network=network)
    assert target.run(loaded, size=10).state == "finished"
    assert target.value("SELECT count(*) FROM embeddings WHERE event_id IN (3, 4)") == 0
    assert target.verify(loaded).verified
    check_vectors(target, 23)


def test_no_transaction_is_open_while_a_network_function_runs(target) -> None:
    fill(target, 30)
    states = []

    def watch(rows):
        states.extend(
            target.sql(
                "SELECT state, xact_start FROM pg_stat_activity WHERE application_name LIKE 'sluicegate%' AND datname ="
                " current_database() AND xact_start IS NOT NULL"
            )
        )
        states.append(target.value("SELECT count(*) FROM sluicegate.chunk WHERE state = 'running'"))
        return list(embed(rows))

    assert target.run(embedding(target, watch, network=True), size=10).state == "finished"
    assert states == [1, 1, 1]


def test_a_worker_that_dies_inside_a_network_function_leaves_its_chunk_to_the_next(target) -> None:
    fill(target, 150)
    target.sql("CREATE TABLE embeddings (event_id bigint, embedding vector(3) NOT NULL)")
    target.folder.mkdir()
    answers = target.folder.parent / "answers"  # the network answers once this is there
    (target.folder / "0003_status.py").write_text(
        textwrap.dedent(f"""
            import time
            from pathlib import Path

            from sluicegate import Apply, Backfill


            def embed(rows):
                while not Path({str(answers)!r}).exists():
                    time.sleep(0.02)
                return [(row.id, [1.0, 2.0, 3.0]) for row in rows]


            backfill = Backfill(
                revision="0003", table="public.events", key="id", where="payload <> ''", done={DONE!r},
                apply=Apply(
                    embed, columns=("payload",), into="public.embeddings", writes=("event_id", "embedding"),
                    network=True,
                ),
            )
        """)
    )
    arguments = ("run", "0003", "--batch-size", "20", "--sleep", "0", "--lease", "0.5")
    with target.started(*arguments) as victim, target.started(*arguments) as other:
        target.wait_until("(SELECT count(*) FROM sluicegate.chunk WHERE state = 'running') = 2")
        victim.send_signal(signal.SIGKILL)
        answers.touch()
        out, err = other.communicate(timeout=60)
        assert (other.returncode, err.count("Traceback")) == (0, 0), err
    assert "Rows: 120/120 written" in out
    assert target.sql("SELECT count(*), count(DISTINCT event_id) FROM embeddings") == [(120, 120)]
    assert target.sql("SELECT DISTINCT state FROM sluicegate.chunk") == [("done",)]
    checked = target.process("check", "0003")
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_a_changed_function_is_not_mixed_with_what_the_former_one_wrote(target) -> None:
    def double(rows):
        return [(row.id, [2, 2, 2]) for row in rows]

    first, second = embedding(target), embedding(target, double)
    assert first.definition.fingerprint != second.definition.fingerprint
    assert first.definition.fingerprint == embedding(target, network=True).definition.fingerprint


def test_a_table_that_is_missing_ends_the_run_at_the_first_chunk(target) -> None:
    fill(target, 10)
    with pytest.raises(BackfillFailedError, match=r'relation "public\.nowhere" does not exist'):
        target.run(embedding(target, into="public.nowhere"))
