"""[backfill.throttle] is refused at its line, never bent, and means what the reference page says."""

from __future__ import annotations

from pathlib import Path

import pytest

from sluicegate.errors import UsageError
from sluicegate.settings.policy import Policy, load_policy
from sluicegate.settings.throttle import KEYS, Limits, read_limits


def policy(tmp_path: Path, body: str) -> Policy:
    """A policy file with this [backfill.throttle]."""
    path = tmp_path / "policy.toml"
    path.write_text(f"[backfill]\nsleep = 0.5\n\n[backfill.throttle]\n{body}\n")
    return load_policy(path)


def test_an_empty_table_gives_the_defaults_of_the_reference_page(tmp_path: Path) -> None:
    limits = read_limits(policy(tmp_path, ""))
    assert limits == Limits() == read_limits(Policy())
    for key in KEYS:
        expected = key.default if key.default is None or not isinstance(key.default, str) else key.read(key.default)
        assert getattr(limits, key.name) == expected, key.name


def test_every_example_of_the_reference_page_is_accepted(tmp_path: Path) -> None:
    read_limits(policy(tmp_path, "\n".join(key.example for key in KEYS)))


@pytest.mark.parametrize(
    ("line", "accepted"),
    [
        ('off = ["lag"]', "a list of replicas, xmin, waiters, dead-tuples, wraparound, archive, slots, query"),
        ("replica_lag_bytes = 100", 'a whole number with a unit, such as "64MB" (kB, MB, GB, TB)'),
        ('replica_lag_bytes = "0MB"', 'a whole number with a unit, such as "64MB" (kB, MB, GB, TB)'),
        ("xmin_seconds = nan", "a number from 1 to 604,800 (seconds)"),
        ("xmin_seconds = true", "a number from 1 to 604,800 (seconds)"),
        ("resume_at = 1.5", "a number from 0.1 to 1"),
        ("archive_files = 0", "a whole number from 1 to 1,000,000"),
        ('query = " "', "a SELECT in quotes"),
    ],
)
def test_a_bad_value_is_refused_with_its_line_and_what_is_accepted(tmp_path: Path, line: str, accepted: str) -> None:
    with pytest.raises(UsageError) as error:
        read_limits(policy(tmp_path, line))
    assert error.value.message.startswith(f"{tmp_path}/policy.toml, line 5: [backfill.throttle] ")
    assert error.value.message.endswith(" is refused.")
    assert error.value.hint == f"Accepted: {accepted}."


@pytest.mark.parametrize("line", ["lag = 1", "query_limit = 1"])
def test_a_key_that_means_nothing_is_refused(tmp_path: Path, line: str) -> None:
    with pytest.raises(UsageError, match="line 5"):
        read_limits(policy(tmp_path, line))


def test_the_command_line_adds_to_the_policy(tmp_path: Path) -> None:
    limits = read_limits(policy(tmp_path, 'off = ["slots"]\nmax_wait = 5'), off=("xmin", "slots"), max_wait=60.0)
    assert limits.off == ("slots", "xmin")
    assert limits.max_wait == 60.0
