"""Scripts as psql takes them: meta-commands and data are passed over, and what does not parse spoils nothing else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sluicegate.statements.script import Unreadable, read_script

DUMP = r"""\restrict abc'def
-- a dump; with a semicolon
SET search_path = '';
CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$
BEGIN
  -- it's; fine
  RETURN 1;
END $$;
CREATE FUNCTION g() RETURNS int BEGIN ATOMIC SELECT 1; SELECT CASE WHEN true THEN 2 END; END;
COPY public.t (a, b) FROM stdin;
1	it's; \N
2	x
\.

\connect other
SELECT 'é; \n' /* ; /* nested ; */ */ ;
\unrestrict abc
"""


def test_a_dump_is_read_with_every_statement_in_its_place():
    found = read_script(DUMP)
    assert [s.kind for s in found] == [
        "variable_set_stmt",
        "create_function_stmt",
        "create_function_stmt",
        "copy_stmt",
        "select_stmt",
    ]
    assert [DUMP[s.start : s.end] for s in found] == [s.sql for s in found]


def test_a_broken_statement_is_told_apart_from_its_neighbours():
    text = "SELECT 1;\nALTER TABLE é ADD COLUM x y z;\nSELECT 'a;b'; SELEC 2"
    found = read_script(text)
    assert [type(s).__name__ for s in found] == ["Statement", "Unreadable", "Statement", "Unreadable"]
    broken = found[1]
    assert isinstance(broken, Unreadable)
    assert (broken.sql, broken.error.message) == ("ALTER TABLE é ADD COLUM x y z", 'syntax error at or near "y"')
    assert text[broken.error.offset :].startswith("y z")
    assert [text[s.start : s.end] for s in found] == [s.sql for s in found]


def test_an_unending_string_takes_the_rest_of_the_text():
    found = read_script("SELECT 1; SELECT 'oops; SELECT 2;")
    assert [type(s).__name__ for s in found] == ["Statement", "Unreadable"]


@given(
    st.lists(
        st.sampled_from(
            [
                "SELECT 1",
                "SELECT ';'",
                "SELECT $a$;$a$",
                "DROP TABLE t -- ;\n",
                "SELECT (1)",
                "BROKEN 'x'",
                "SELECT E'\\';'",
            ]
        ),
        min_size=1,
        max_size=6,
    )
)
def test_cutting_a_script_never_loses_or_joins_statements(parts):
    found = read_script(";\n".join(parts))
    assert [isinstance(s, Unreadable) for s in found] == [part.startswith("BROKEN") for part in parts]
