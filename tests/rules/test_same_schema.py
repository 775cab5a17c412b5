"""Where a rule says that GOOD reaches what BAD would have reached, real servers end with the same catalog."""

from __future__ import annotations

import psycopg
import pytest

from sluicegate.catalog.model import Catalog
from sluicegate.snapshot.load import load_catalog

from .examples import EXTENSION, RULES
from .test_examples import versions_of

CASES = [(rule, version) for rule in RULES if RULES[rule].rule.same_schema for version in versions_of(rule)]


def reached(url: str, setup: str, revisions) -> Catalog:
    """Run revisions on a server as Alembic would, and return the catalog that it has afterwards."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute((EXTENSION + setup).encode())
        for revision in revisions:
            for statement in revision.statements:
                connection.execute(statement.sql.encode())
        return load_catalog(connection)


@pytest.mark.parametrize(("rule", "version"), CASES)
def test_good_reaches_the_schema_of_bad(request, make_database, examples, rule, version):
    server, entry = request.getfixturevalue(f"server{version}"), RULES[rule]
    bad = reached(make_database(server), entry.setup, examples.bad(rule))
    good = reached(make_database(server), entry.setup, examples.good(rule))
    assert good == bad


def test_the_comparison_tells_schemas_apart(server18, make_database, examples):
    entry = RULES["index-not-concurrent"]
    bad = reached(make_database(server18), entry.setup, examples.bad("index-not-concurrent"))
    assert reached(make_database(server18), entry.setup, ()) != bad
