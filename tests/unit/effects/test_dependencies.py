"""Dependencies that move along with a history say what dependencies read afresh say."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from sluicegate.catalog.model import Catalog
from sluicegate.catalog.session import Session
from sluicegate.catalog.timeline import follow
from sluicegate.effects.dependencies import Dependencies
from sluicegate.statements.parse import parse_script

STATEMENTS = parse_script("""
CREATE TABLE a (id bigint PRIMARY KEY, n integer DEFAULT f(1), s serial, m mood, d positive);
CREATE TABLE b (id bigint PRIMARY KEY, a_id bigint REFERENCES a, t text CHECK (f(length(t)) > 0), r a);
CREATE TABLE p (id bigint, at date, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE p1 PARTITION OF p FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE p2 PARTITION OF p DEFAULT;
CREATE TABLE c (p_id bigint, p_at date, FOREIGN KEY (p_id, p_at) REFERENCES p);
CREATE TABLE child () INHERITS (a);
CREATE INDEX p_at ON p (at);
CREATE INDEX a_n ON a (f(n)) WHERE n > 0;
CREATE UNIQUE INDEX b_t ON b (t);
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE TYPE pair AS (one integer, other mood);
CREATE DOMAIN positive AS integer CHECK (VALUE > 0 AND f(VALUE) > 0);
CREATE FUNCTION f(integer) RETURNS integer LANGUAGE sql AS 'SELECT $1';
CREATE FUNCTION f(text) RETURNS mood LANGUAGE sql AS 'SELECT NULL::mood';
CREATE FUNCTION touched() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER touch BEFORE UPDATE OF n ON a FOR EACH ROW WHEN (OLD.n > 1) EXECUTE FUNCTION touched();
CREATE VIEW v AS SELECT id, n, f(n) AS fn FROM a;
CREATE MATERIALIZED VIEW mv AS SELECT v.id, b.t FROM v JOIN b ON b.a_id = v.id;
CREATE POLICY mine ON b USING (EXISTS (SELECT 1 FROM a WHERE a.id = a_id AND a.n > 1));
CREATE RULE quiet AS ON DELETE TO b WHERE OLD.id > 1 DO INSTEAD UPDATE a SET n = 0 WHERE a.id = OLD.a_id;
CREATE STATISTICS together ON id, n FROM a;
CREATE EXTENSION vector;
CREATE TABLE e (id bigint, v vector(3), w text DEFAULT '[1,2,3]'::vector::text);
CREATE INDEX e_v ON e USING hnsw (v vector_l2_ops);
CREATE SEQUENCE numbers;
ALTER TABLE b ALTER COLUMN id SET DEFAULT nextval('numbers');
ALTER TABLE a RENAME TO z;
ALTER TABLE a RENAME COLUMN n TO o;
ALTER TABLE a ADD COLUMN q mood DEFAULT 'good'::mood;
ALTER TABLE a ALTER COLUMN n TYPE bigint;
ALTER TABLE a DROP COLUMN n CASCADE;
ALTER TYPE mood RENAME TO temper;
ALTER FUNCTION f(integer) RENAME TO g;
ALTER TABLE p DETACH PARTITION p1;
ALTER TABLE b SET SCHEMA other;
CREATE SCHEMA other;
DROP VIEW v CASCADE;
DROP TABLE b CASCADE;
DROP TABLE p CASCADE;
DROP FUNCTION f(integer) CASCADE;
DROP TYPE mood CASCADE;
DROP INDEX b_t;
DROP EXTENSION vector CASCADE;
""")
PATH = ("pg_temp", "public")


BEGINNING, EVERYTHING = range(27), range(len(STATEMENTS))


@settings(max_examples=30, deadline=None)
@given(st.permutations(EVERYTHING), st.sets(st.integers(0, len(STATEMENTS) + 27), min_size=2, max_size=8))
def test_dependencies_that_moved_along_are_those_of_the_catalog_they_are_at(order, looks):
    catalog = Catalog()
    for place, number in enumerate([*BEGINNING, *order]):
        before = catalog
        catalog, _ = follow(STATEMENTS[number], catalog, Session())  # many fail, in this order
        if place in looks:
            for one in (catalog, before, catalog):  # a prediction goes to and fro
                assert told(Dependencies.of(one, PATH)) == told(Dependencies(one, PATH))


def told(dependencies: Dependencies) -> object:
    things = sorted({thing for edges in dependencies._edges.values() for edge in edges.edges for thing in edge[:2]})
    return [(thing, dependencies.required_by(thing), dependencies.removal([thing])) for thing in things]
