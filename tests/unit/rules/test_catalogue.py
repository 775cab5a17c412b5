"""The catalogue: rules are found and not listed, pages come from them, and a policy may name only what exists."""

from __future__ import annotations

import re
import types
from pathlib import Path

import pytest

import sluicegate.rules
from sluicegate.cli.reference import command_reference
from sluicegate.errors import UsageError
from sluicegate.render.pages import generated_pages
from sluicegate.rules.kit.catalogue import HEADINGS, all_rules, check_policy, read_entry
from sluicegate.settings.policy import load_policy

ROOT = Path(__file__).resolve().parents[3]
DOCS = ROOT / "docs"


def test_every_module_beside_the_kit_is_a_rule_of_its_name():
    files = {path.stem for path in Path(sluicegate.rules.__path__[0]).glob("*.py")} - {"__init__"}
    assert {name.replace("-", "_") for name in all_rules()} == files


def test_every_rule_has_a_test_file_of_its_name():
    tested = {path.stem.removeprefix("test_") for path in (ROOT / "tests" / "rules").glob("test_*.py")}
    assert {name.replace("-", "_") for name in all_rules()} - tested == set()


def test_every_rule_is_short_enough_to_read_at_once():
    long = {
        path.name: code
        for path in Path(sluicegate.rules.__path__[0]).glob("*.py")
        if (code := len(path.read_text().partition("def check")[2].splitlines())) > 80
    }
    assert long == {}


@pytest.mark.parametrize("name", all_rules())
def test_titles_are_one_sentence_and_sections_are_not_empty(name):
    entry = all_rules()[name]
    assert entry.title.endswith(".")
    assert "\n" not in entry.title
    assert all(entry.sections[heading] for heading in HEADINGS)


@pytest.mark.parametrize("name", all_rules())
def test_pages_name_only_rules_and_commands_that_exist(name):
    entry = all_rules()[name]
    text = "\n".join(entry.sections.values())
    known = set(all_rules())
    for mentioned in re.findall(r"`((?:[a-z]+-)+[a-z]+)`", text):
        assert mentioned in known, mentioned
    commands = set(re.findall(r"^## (sluicegate[a-z -]*)$", command_reference(), flags=re.MULTILINE))
    for mentioned in re.findall(r"`(sluicegate [a-z-]+(?: verify| run)?)`", text):
        assert mentioned in commands, mentioned


def test_generated_pages_are_up_to_date():
    pages = {**generated_pages(), "cli.md": command_reference()}
    stale = [name for name, text in pages.items() if not (DOCS / name).exists() or (DOCS / name).read_text() != text]
    assert stale == [], "run scripts/docs"


def test_no_page_is_left_over():
    pages = {Path(name).name for name in generated_pages()} | {"not-covered.md", "writing-rules.md"}
    assert {path.name for path in (DOCS / "rules").glob("*.md")} - pages == set()


def module(**attributes: object) -> types.ModuleType:
    made = types.ModuleType("sluicegate.rules.an_example")
    headings = "".join(f"## {heading}\n\nText.\n\n" for heading in HEADINGS)
    made.__doc__ = f"A title.\n\n{headings}"
    for key, value in {"BAD": "x", "GOOD": "y", "check": lambda _: iter(()), **attributes}.items():
        setattr(made, key, value)
    return made


def test_a_rule_in_another_rules_file_is_refused():
    with pytest.raises(ValueError, match="belongs into another file"):
        read_entry(module(RULE=all_rules()["drop-table"].rule))


def test_a_docstring_without_its_headings_is_refused():
    from dataclasses import replace

    made = module(RULE=replace(all_rules()["drop-table"].rule, name="an-example"))
    assert read_entry(made).title == "A title."
    made.__doc__ = "A title."
    with pytest.raises(ValueError, match="and the headings ## What it does"):
        read_entry(made)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "[rules]\ndrop-tabel = 'off'\n",
            "line 2: there is no rule 'drop-tabel'. Accepted: the names that `sluicegate rules` prints.",
        ),
        (
            "[rules.non-null-default]\nallow_constants = true\n",
            "line 2: [rules.non-null-default] allow_constants is not known. Accepted: level, allow_constant.",
        ),
        (
            "[rules.non-null-default]\nallow_constant = 'yes'\n",
            "line 2: [rules.non-null-default] allow_constant = 'yes' is refused. Accepted: true or false.",
        ),
        (
            "[rules.locks-several-tables]\ntables = 2.5\n",
            "line 2: [rules.locks-several-tables] tables = 2.5 is refused. Accepted: a whole number.",
        ),
    ],
)
def test_a_policy_that_names_what_does_not_exist_is_refused(tmp_path, text, expected):
    path = tmp_path / "policy.toml"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        check_policy(load_policy(path))
    assert f"{caught.value.message} {caught.value.hint}" == f"{path}, {expected}"


def test_levels_and_options_of_the_policy_are_taken(tmp_path):
    path = tmp_path / "policy.toml"
    path.write_text("[rules]\ndrop-table = 'off'\n[rules.non-null-default]\nlevel = 'warn'\nallow_constant = true\n")
    policy = load_policy(path)
    check_policy(policy)
    assert all_rules()["drop-table"].level(policy) is None
    assert all_rules()["non-null-default"].level(policy) == "warn"
    assert all_rules()["non-null-default"].options(policy) == {"allow_constant": True}
