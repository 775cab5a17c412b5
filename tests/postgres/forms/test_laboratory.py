"""A few forms of every data file, run again on real servers: they still do what the files say."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from laboratory import DATA, Laboratory
from rows import Form, Outcome, read_forms

from sluicegate.pg.embedded import VERSIONS, temporary_server

OURS = ("dml", "drop", "index", "partition", "pgvector", "table", "trigger_policy")
EVERY = 97  # one form in so many


@pytest.fixture(scope="module", params=VERSIONS)
def laboratory(request: pytest.FixtureRequest) -> Iterator[Laboratory]:
    with temporary_server(request.param) as server:
        yield Laboratory(server).prepare()


def sample(version: int) -> list[Form]:
    forms = [form for name in OURS for form in read_forms(DATA / f"{name}.jsonl") if form.version == version]
    return [form for form in forms if not form.gap][::EVERY]


def test_servers_do_what_the_files_say(laboratory: Laboratory) -> None:
    forms = sample(laboratory.server.version)
    assert len(forms) > 20
    changed = []
    for form in forms:
        found = Outcome.of(laboratory.observe(form.sql, form.setup))
        if found != form.outcome:
            changed.append(f"{form.setup} ;; {form.sql}\n    file:   {form.outcome}\n    server: {found}")
    assert not changed, "\n".join(changed)


def test_what_a_form_commits_stays_in_its_own_database(laboratory: Laboratory) -> None:
    laboratory.observe("BEGIN; ALTER TABLE noidx ADD COLUMN left_behind int; COMMIT")
    effects = laboratory.observe("ALTER TABLE noidx DROP COLUMN left_behind")
    assert effects.error is not None
    assert effects.error.sqlstate == "42703"
