"""BATCH_SIZE and SLEEP: every bad value is refused in full, from every origin, and the right origin wins."""

from __future__ import annotations

import pytest

from sluicegate.errors import SettingError, UsageError
from sluicegate.settings.operational import BATCH_SIZE, LEASE, SLEEP, Effective, resolve

REFUSED_SIZES = ["0", "-1", "100001", "1e4", "10k", "NaN", "", " 5 ", "5.0", "1_000", "+5", "007", "٥", "inf", "true"]
REFUSED_SLEEPS = ["-1", "nan", "NaN", "inf", "-inf", "abc", "1e9", "1e1", "", " 1 ", "3600.1", "0.1s", "1,5", "."]


@pytest.mark.parametrize("text", REFUSED_SIZES)
def test_a_bad_batch_size_is_refused_with_name_value_origin_and_range(text: str) -> None:
    with pytest.raises(SettingError) as refused:
        resolve(BATCH_SIZE, environment={"BATCH_SIZE": text})
    assert refused.value.message == (
        f"BATCH_SIZE={text!r} (from environment) is refused: it must be a whole number from 1 to 100,000, in "
        "digits only."
    )
    assert refused.value.exit_code == 2


@pytest.mark.parametrize("text", REFUSED_SLEEPS)
def test_a_bad_sleep_is_refused_with_name_value_origin_and_range(text: str) -> None:
    with pytest.raises(SettingError) as refused:
        resolve(SLEEP, environment={"SLEEP": text})
    assert refused.value.message == (
        f"SLEEP={text!r} (from environment) is refused: it must be a number of seconds from 0 to 3,600, such as 0.5."
    )


@pytest.mark.parametrize("value", [True, False, 0, -1, 100_001, 10.0, "10", None, float("nan")])
def test_values_from_python_and_toml_go_through_the_same_check(value: object) -> None:
    if value == "10":
        assert BATCH_SIZE.check(value, "here") == 10
    else:
        with pytest.raises(SettingError):
            BATCH_SIZE.check(value, "here")


@pytest.mark.parametrize("value", [True, float("nan"), float("inf"), -0.1, 3600.5, None, "1 s"])
def test_sleep_is_a_finite_number_and_no_boolean(value: object) -> None:
    with pytest.raises(SettingError):
        SLEEP.check(value, "here")


@pytest.mark.parametrize(("text", "number"), [("1", 1), ("10000", 10_000), ("100000", 100_000)])
def test_sizes_within_the_range_are_taken(text: str, number: int) -> None:
    assert BATCH_SIZE.check(text, "here") == number


@pytest.mark.parametrize(("text", "number"), [("0", 0.0), ("0.05", 0.05), (".5", 0.5), ("3600", 3600.0), ("2.", 2.0)])
def test_sleeps_within_the_range_are_taken(text: str, number: float) -> None:
    assert SLEEP.check(text, "here") == number


POLICY = ({"batch_size": 3}, "safety/policy.toml")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, Effective("BATCH_SIZE", 10_000, "default")),
        ({"policy": POLICY}, Effective("BATCH_SIZE", 3, "safety/policy.toml")),
        ({"policy": POLICY, "definition": (4, "b.py")}, Effective("BATCH_SIZE", 4, "b.py")),
        (
            {"policy": POLICY, "definition": (4, "b.py"), "environment": {"BATCH_SIZE": "5"}},
            Effective("BATCH_SIZE", 5, "environment"),
        ),
        (
            {"policy": POLICY, "definition": (4, "b.py"), "environment": {"BATCH_SIZE": "5"}, "flag": 6},
            Effective("BATCH_SIZE", 6, "--batch-size"),
        ),
    ],
)
def test_a_flag_beats_the_environment_beats_the_definition_beats_the_policy(given: dict, expected: Effective) -> None:
    assert resolve(BATCH_SIZE, **given) == expected


@pytest.mark.parametrize(
    ("given", "origin"),
    [
        ({"flag": 0}, "--batch-size"),
        ({"environment": {"BATCH_SIZE": ""}}, "environment"),
        ({"definition": (True, "backfills/0003_x.py")}, "backfills/0003_x.py"),
        ({"policy": ({"batch_size": "10"}, "safety/policy.toml")}, None),
        ({"policy": ({"batch_size": 1.5}, "safety/policy.toml")}, "safety/policy.toml"),
    ],
)
def test_every_origin_is_named_in_the_refusal(given: dict, origin: str | None) -> None:
    if origin is None:
        assert resolve(BATCH_SIZE, **given).value == 10
        return
    with pytest.raises(SettingError) as refused:
        resolve(BATCH_SIZE, **given)
    assert refused.value.origin == origin


def test_a_slip_in_the_policy_table_is_not_ignored() -> None:
    with pytest.raises(UsageError, match=r"\[backfill\] batchsize is not known"):
        resolve(SLEEP, policy=({"batchsize": 5}, "safety/policy.toml"))


def test_leases_may_be_short_but_not_nothing() -> None:
    assert LEASE.check("0.5", "here") == 0.5
    with pytest.raises(SettingError):
        LEASE.check("0", "here")
