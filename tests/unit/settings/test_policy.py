"""The policy file: what it may say, and how a slip in it is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from sluicegate.errors import UsageError
from sluicegate.findings import Level
from sluicegate.rules.kit.durations import RATES
from sluicegate.settings.keys import KEYS, milliseconds
from sluicegate.settings.policy import Policy, find_policy, load_policy


def write(folder: Path, text: str) -> Path:
    path = folder / "safety" / "policy.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def refusal(folder: Path, text: str) -> str:
    with pytest.raises(UsageError) as caught:
        load_policy(write(folder, text))
    return f"{caught.value.message} {caught.value.hint}".replace(f"{folder}/safety/", "")


def test_no_file_means_the_defaults():
    assert load_policy(None) == Policy()


def test_every_key_has_an_example_that_is_accepted(tmp_path):
    for key in KEYS:
        load_policy(write(tmp_path, f"[{key.table}]\n{key.example}\n"))


def test_an_empty_file_gives_each_key_the_default_of_its_record(tmp_path):
    policy = load_policy(write(tmp_path, ""))
    for key in KEYS:
        attribute = {"tables.rows": "tables_rows", "vectors": "vectors"}.get(key.table, key.name)
        if key.table == "durations":
            assert (key.name, key.default) in RATES.items()  # a policy's own rates go before the measured ones
        else:
            assert getattr(policy, attribute) == key.default
    assert policy.durations == {}


def test_rates_of_its_own_are_numbers_above_zero(tmp_path):
    assert load_policy(write(tmp_path, "[durations]\nscan_mb_per_second = 50\n")).durations == {
        "scan_mb_per_second": 50
    }
    for wrong in ("0", "-1", "nan", "inf", "true", "'fast'"):
        with pytest.raises(UsageError, match=r"line 2: \[durations\] scan_mb_per_second = .* is refused"):
            load_policy(write(tmp_path, f"[durations]\nscan_mb_per_second = {wrong}\n"))


def test_a_whole_file_becomes_a_policy(tmp_path):
    policy = load_policy(
        write(
            tmp_path,
            """
            [server]
            postgresql = 18
            pgvector = "0.8.5"
            [session]
            lock_timeout = "3s"
            [tables]
            append_only = ["events", "audit.log"]
            [tables.rows]
            events = 1150000
            [vectors]
            "workflow_insights.embedding" = 1536
            [lint]
            fail_on = "warn"
            [rules]
            rename-column = "off"
            [rules.non-null-default]
            allow_constant = true
            [backfill]
            batch_size = "checked by another part"
            """,
        )
    )
    assert policy.postgresql == 18
    assert policy.pgvector_version == (0, 8, 5)
    assert policy.append_only == ("public.events", "audit.log")
    assert policy.tables_rows == {"public.events": 1_150_000}
    assert policy.vectors == {"public.workflow_insights.embedding": 1536}
    assert policy.fail_on is Level.WARN
    assert policy.rules["rename-column"].level == "off"
    assert policy.rules["non-null-default"].options == {"allow_constant": True}
    assert policy.operational == {"backfill": {"batch_size": "checked by another part"}}
    assert policy.session_settings == {"lock_timeout": "3s"}
    assert policy.root == tmp_path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "[servers]\npostgresql = 18\n",
            (
                "policy.toml, line 1: 'servers' is not known. Accepted: [admin], [backfill], [dry-run], [durations],"
                " [embedding], [lint], [migrations], [rollout], [rules],"
                " [server], [session], [snapshot], [tables], [target], [vectors], [verify]."
            ),
        ),
        (
            "[server]\n\npostgres = 18\n",
            (
                "policy.toml, line 3: [server] postgres is not known. "
                "Accepted: pgvector, postgresql, search_path, timezone."
            ),
        ),
        (
            "[server]\npostgresql = 13\n",
            "policy.toml, line 2: [server] postgresql = 13 is refused. Accepted: a whole number from 14 to 18.",
        ),
        (
            "[server]\npostgresql = true\n",
            "policy.toml, line 2: [server] postgresql = True is refused. Accepted: a whole number from 14 to 18.",
        ),
        (
            "[tables]\nappend_only = 'events'\n",
            "policy.toml, line 2: [tables] append_only = 'events' is refused. Accepted: a list of names in quotes.",
        ),
        (
            "[session]\nlock_timeout = 3\n",
            (
                "policy.toml, line 2: [session] lock_timeout = 3 is refused. "
                'Accepted: a duration in PostgreSQL\'s words, such as "3s" or "500ms"; "0" for none.'
            ),
        ),
        (
            '[vectors]\n# why\n"t.e" = 20000\n',
            "policy.toml, line 3: [vectors] t.e = 20000 is refused. Accepted: a whole number from 1 to 16000.",
        ),
        (
            '[vectors]\n"e" = 3\n',
            (
                "policy.toml, line 2: [vectors] 'e' is no such name. "
                'Accepted: vectors as "table.column" or "schema.table.column".'
            ),
        ),
        (
            "[rules.drop-column]\nlevel = 'fatal'\n",
            (
                "policy.toml, line 2: [rules.drop-column] level = 'fatal' is refused. "
                'Accepted: "error", "warn", "info" or "off".'
            ),
        ),
        (
            "[rules]\ndrop-column = 'none'\n",
            (
                "policy.toml, line 2: [rules] drop-column = 'none' is refused. "
                'Accepted: "error", "warn", "info" or "off".'
            ),
        ),
        (
            "lint = 3\n",
            "policy.toml, line 1: 'lint' is a table, not a value. Accepted: [lint] on a line of its own.",
        ),
    ],
)
def test_a_slip_is_refused_with_its_line_and_what_is_accepted(tmp_path, text, expected):
    assert refusal(tmp_path, text) == expected


def test_broken_toml_is_refused_with_its_place(tmp_path):
    assert "policy.toml is no valid TOML" in refusal(tmp_path, "[server\n")


def test_a_missing_file_is_refused():
    with pytest.raises(UsageError, match="There is no policy file at nowhere"):
        load_policy(Path("nowhere.toml"))


def test_the_policy_is_found_from_below_but_not_beyond_the_repository(tmp_path):
    path = write(tmp_path, "")
    inner = tmp_path / "migrations" / "versions"
    inner.mkdir(parents=True)
    assert find_policy(inner) == path.resolve()
    other = tmp_path / "other"
    (other / ".git").mkdir(parents=True)
    assert find_policy(other) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3s", 3000),
        ("500ms", 500),
        ("250", 250),
        ("0", 0),
        ("1min", 60_000),
        ("1 h", 3_600_000),
        ("3 sec", None),
        ("", None),
    ],
)
def test_durations_are_read_as_postgresql_reads_them(text, expected):
    assert milliseconds(text) == expected
