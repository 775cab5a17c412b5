"""Advice is run before it is given: the code that a finding proposes works on a server, in the order in which it says."""

from __future__ import annotations

import ast
import re
import textwrap

import psycopg
import pytest
import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations
from pgvector.sqlalchemy import HALFVEC, SPARSEVEC, Vector
from sqlalchemy.dialects import postgresql

from .examples import EXTENSION, RULES, judge, policy_of

NOT_RUN = {
    "data-change-in-revision": "the backfill is a file of its own",
    "transaction-in-revision": "it shows where the statements go",
    "pgvector-too-old": "the server has the newest version already",
}
RUN = [rule for rule in RULES if rule not in NOT_RUN and rule != "contract-without-gate"]


def code_of(remedy: str) -> str:
    """Return the part of a remedy that is Python: what follows its sentences."""
    paragraphs = remedy.split("\n\n")
    for start in range(len(paragraphs)):
        text = "\n\n".join(paragraphs[start:])
        try:
            tree = ast.parse(text)
        except SyntaxError:
            continue
        if any(isinstance(node, ast.Name) and node.id == "op" for node in ast.walk(tree)):
            return text
    return ""


def run_revision(connection: sa.Connection, body: str) -> None:
    """Run a body of upgrade() as Alembic runs it, in a transaction of its own."""
    context = MigrationContext.configure(connection)
    names = {"sa": sa, "postgresql": postgresql, "Vector": Vector, "HALFVEC": HALFVEC, "SPARSEVEC": SPARSEVEC}
    source = "def upgrade():\n" + textwrap.indent(body, "    ") + "\n    pass\n"
    with context.begin_transaction(), Operations.context(context) as op:
        names_with_op = names | {"op": op}
        exec(compile(source, "<remedy>", "exec"), names_with_op)
        names_with_op["upgrade"]()


@pytest.mark.parametrize("rule", RUN)
def test_the_proposed_code_runs(rule, examples, server18, make_database):
    entry = RULES[rule]
    report = judge(examples.bad(rule), entry.setup, policy_of(entry, examples.folder), examples.folder, 18)
    finding = next(finding for finding in report.findings if finding.rule == rule)
    code = code_of(finding.remedy)
    if not code:
        return  # its advice is no code
    before = [s for s in examples.bad(rule)[0].statements if s.location.line < finding.location.line]
    url = make_database(server18)
    with psycopg.connect(url, autocommit=True) as connection:
        # Rows would fail what the advice does only after a backfill.
        setup = re.sub(r"^INSERT .*$", "", entry.setup, flags=re.MULTILINE)
        connection.execute((EXTENSION + setup).encode())
        for statement in before:
            connection.execute(statement.sql.encode())
    engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"), poolclass=sa.pool.NullPool)
    # What belongs into a later revision runs as one.
    for body in re.split(r"^(?=# (?:a later revision|then,))", code, flags=re.MULTILINE):
        with engine.connect() as connection:
            run_revision(connection, body)
