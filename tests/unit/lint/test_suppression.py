"""Comments that allow findings: which lines they cover, and what is none."""

from __future__ import annotations

import textwrap

from sluicegate.lint.suppression import suppressions

PYTHON = textwrap.dedent(
    '''\
    """A docstring that says # sluicegate: allow[drop-table] and means nothing by it."""
    revision = "1"  # sluicegate: allow[a] on one line


    def upgrade():  # sluicegate: allow[b] on a whole function
        # sluicegate: allow[c, d] on the next statement
        op.add_column(
            "events",
            sa.Column("x"),
        )
        op.execute(
            "SELECT 1 -- sluicegate: allow[e] inside a string",  # sluicegate: allow[f] inside a call
        )
        with op.get_context().autocommit_block():  # sluicegate: allow[g] on a block
            op.execute("x")
            op.execute("y")
        op.execute("z")  # sluicegate: allow[h]
        op.execute("z")  # sluicegate allow[i] without the colon
        op.execute("z")  # sluicegate: ignore[j] with another word


    # sluicegate: allow[k] above a function
    @decorated
    def downgrade():
        pass
    '''
)


def covered(file: str, source: str) -> dict[str, tuple[str, int, int]]:
    return {",".join(s.rules): (s.reason, s.first_line, s.last_line) for s in suppressions(file, source)}


def test_a_python_comment_covers_the_statement_or_the_block_it_belongs_to():
    assert covered("v.py", PYTHON) == {
        "a": ("on one line", 2, 2),
        "b": ("on a whole function", 5, 19),
        "c,d": ("on the next statement", 7, 10),
        "f": ("inside a call", 11, 13),
        "g": ("on a block", 14, 16),
        "h": ("", 17, 17),
        "": ("", 19, 19),
        "k": ("above a function", 23, 25),
    }


def test_the_place_of_a_comment_is_the_comment_itself():
    (first,) = suppressions("v.py", "x = 1  # sluicegate: allow[a] why\n")
    assert (first.location.line, first.location.column, first.location.end_column) == (1, 8, 34)


def test_an_sql_comment_covers_its_statement_or_the_next_one():
    source = textwrap.dedent(
        """\
        -- sluicegate: allow[a] the next statement
        DROP TABLE
          t; -- sluicegate: allow[b] the statement before it
        SELECT '-- sluicegate: allow[c] in a string';
        DROP TABLE u /* sluicegate: allow[d] inside */;
        -- sluicegate: allow[e] after everything
        """
    )
    assert covered("x.sql", source) == {
        "a": ("the next statement", 2, 3),
        "b": ("the statement before it", 2, 3),
        "d": ("inside", 5, 5),
        "e": ("after everything", 6, 6),
    }


def test_a_file_that_cannot_be_read_allows_nothing():
    assert suppressions("v.py", "def upgrade(:  # sluicegate: allow[a] why\n") == ()
    assert suppressions("x.sql", "SELECT 'open -- sluicegate: allow[a] why\n") == ()


def test_a_suppression_covers_only_its_rules_and_lines():
    (one,) = suppressions("v.py", "x = 1  # sluicegate: allow[a] why\n")
    assert one.covers("a", 1, 1)
    assert not one.covers("b", 1, 1)
    assert not one.covers("a", 2, 3)
