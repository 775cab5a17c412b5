"""Expressions mean what the server says they mean: type, volatility after planning, error."""

from __future__ import annotations

import psycopg
import pytest

from sluicegate.catalog.model import Name, Volatility
from sluicegate.catalog.session import Session
from sluicegate.catalog.types import display
from sluicegate.effects.context import Context
from sluicegate.effects.expressions import Place, read_expression
from sluicegate.snapshot.load import load_catalog
from sluicegate.statements.parse import parse_statement

SCHEMA = """
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE TYPE addr AS (street text, zip int);
CREATE FUNCTION plain_volatile() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 7; END';
CREATE FUNCTION plain_stable() RETURNS int LANGUAGE plpgsql STABLE AS 'BEGIN RETURN 7; END';
CREATE FUNCTION plain_immutable() RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN 7; END';
CREATE FUNCTION sql_constant() RETURNS int LANGUAGE sql VOLATILE AS 'SELECT 7';
CREATE FUNCTION sql_random() RETURNS float LANGUAGE sql VOLATILE AS 'SELECT random()';
CREATE FUNCTION sql_lies() RETURNS float LANGUAGE sql IMMUTABLE AS 'SELECT random()';
CREATE FUNCTION sql_adds(x int, y int DEFAULT 3) RETURNS int LANGUAGE sql VOLATILE AS 'SELECT x + y';
CREATE FUNCTION sql_twice(float) RETURNS float LANGUAGE sql VOLATILE AS 'SELECT $1 + $1';
CREATE FUNCTION sql_strict(x int, y int) RETURNS int LANGUAGE sql STRICT VOLATILE AS 'SELECT x';
CREATE FUNCTION sql_from() RETURNS bigint LANGUAGE sql VOLATILE AS 'SELECT count(*) FROM pg_class';
CREATE FUNCTION sql_definer() RETURNS int LANGUAGE sql VOLATILE SECURITY DEFINER AS 'SELECT 7';
CREATE FUNCTION sql_set() RETURNS int LANGUAGE sql VOLATILE SET work_mem = '1MB' AS 'SELECT 7';
CREATE FUNCTION sql_atomic(n int) RETURNS int LANGUAGE sql VOLATILE RETURN n + 1;
CREATE FUNCTION over(a int) RETURNS text LANGUAGE sql IMMUTABLE AS $$SELECT 'i'::text$$;
CREATE FUNCTION over(a text) RETURNS int LANGUAGE plpgsql VOLATILE AS 'BEGIN RETURN 1; END';
CREATE FUNCTION many(VARIADIC xs int[]) RETURNS int LANGUAGE plpgsql STABLE AS 'BEGIN RETURN 1; END';
CREATE FUNCTION first_of(anyarray) RETURNS anyelement LANGUAGE sql IMMUTABLE AS 'SELECT $1[1]';
CREATE SEQUENCE sq;
CREATE TABLE t (
  a int, big bigint, si smallint, b text, c varchar(20), ch char(5), n numeric(10,2), r real, f float8, flag bool,
  d date,
  ts timestamp, tz timestamptz, tm time, iv interval, j json, jb jsonb, u uuid, by bytea, ip inet, bt bit(8), m mood,
  p positive, ad addr, ia int[], ta text[], rg int4range, o oid,
  v vector(3), h halfvec(3), sp sparsevec(3), na name, x xml
);
"""

WITHOUT_COLUMNS = """
1
-1
1.5
1e10
12345678901
99999999999999999999
'x'
NULL
NULL::int
true
B'101'
X'1F'
now()
current_date
current_timestamp
localtimestamp(2)
current_time
current_user
session_user
current_schema
clock_timestamp()
statement_timestamp()
timeofday()
random()
gen_random_uuid()
uuidv7()
uuidv4()
nextval('sq')
currval('sq')
nextval('sq'::regclass) + 1
txid_current()
version()
pg_backend_pid()
'now'::timestamptz
'now'::text::timestamptz
'2024-01-01'::date
'2024-01-01'::text::date
date '2024-01-01'
interval '1 day'
'1 day'::interval
'5'::int
'5'::text::int
'5'::positive
5::positive
'ok'::mood
'ok'::text::mood
'nosuch'::mood
'x'::int
'3000000000'::int
'maybe'::bool
'zzz'::uuid
'{"a": 1'::jsonb
'{"a": 1}'::jsonb
'[1,2,3]'::vector
'[1,2,3]'::vector(3)
'[1,2]'::vector(3)
'[1,a]'::vector
'{1:1,3:2}/5'::sparsevec
'[1,2,3]'::vector::halfvec
ARRAY[1,2,3]::vector
ARRAY[1,2,3]::vector(3)
ARRAY[]::int[]
ARRAY[]
ARRAY[1, 2.5]
ARRAY['a', 'b']
ARRAY[random()]
ARRAY[[1,2],[3,4]]
'{1,2}'::int[]
array_fill(0, ARRAY[3])
array_fill(0, ARRAY[3])::vector(3)
date_trunc('day', now())
date_trunc('day', '2024-01-01'::timestamp)
timezone('utc', now())
now() AT TIME ZONE 'utc'
now() - interval '1 day'
extract(epoch from now())
to_char(now(), 'YYYY')
md5('x')
md5(random()::text)
upper('x')
concat('a', 1)
format('%s', 1)
'a' || 'b'
'a' || 1
1 + 1
1 + '1'
1 + 'x'
1 + 1.5
1 / 2
2 ^ 3
'a' = 'b'
1 = 'x'
1 IN (1, 2, 3)
1 BETWEEN 0 AND 2
'a' LIKE 'b'
'a' SIMILAR TO 'b'
NOT true
NOT 1
true AND random() > 0.5
false AND random() > 0.5
true OR random() > 0.5
1 IS NULL
CASE WHEN true THEN 1 ELSE 2 END
CASE WHEN random() > 0.5 THEN 1 ELSE 2 END
CASE WHEN true THEN 1 ELSE 'x' END
CASE 1 WHEN 1 THEN 'a' END
COALESCE(NULL, 1)
COALESCE(1, random())
COALESCE('a', 1)
NULLIF(1, 2)
GREATEST(1, 2.5)
ROW(1, 'a')
jsonb_build_object('a', 1)
json_build_array(1, 2)
to_jsonb(1)
to_jsonb('x')
to_json(now())
row_to_json(ROW(1))
plain_volatile()
plain_stable()
plain_immutable()
sql_constant()
sql_random()
sql_lies()
sql_adds(1, 2)
sql_adds(1)
sql_adds(random()::int, 2)
sql_adds(y => 1, x => 2)
sql_twice(1.5)
sql_twice(random())
sql_strict(1, 2)
sql_strict(1, NULL)
sql_from()
sql_definer()
sql_set()
sql_atomic(1)
over(1)
over('x')
over(1.5)
over('x'::text)
many(1, 2, 3)
many(VARIADIC ARRAY[1, 2])
first_of(ARRAY[1, 2])
first_of('x')
nosuch()
nosuch(1, 'a')
pg_catalog.now()
public.nosuch()
int4(1.5)
text(1)
float8('1.5')
make_interval(days => 10)
make_date(2024, 1, 1)
to_tsvector('x')
to_tsvector('english', 'x')
to_tsquery('english', 'x')
'a b'::tsvector
setval('sq', 1)
pg_sleep(0)
set_config('a.b', 'c', false)
current_setting('timezone')
repeat('x', 3)
generate_series(1, 2)
count(*)
sum(1)
row_number() OVER ()
(SELECT 1)
EXISTS (SELECT 1)
'abc' COLLATE "C"
1 COLLATE "C"
substring('abc' from 1 for 2)
position('a' in 'abc')
trim(both 'x' from 'xax')
overlay('abc' placing 'x' from 1)
cast(1 as text)
1::text
1::bool
true::int
'1'::bit(3)
'101'::bit(3)
1.5::numeric(3,1)
'x'::varchar(3)
'xxxx'::varchar(3)
int4range(1, 2)
'[1,2)'::int4range
l2_distance('[1,2]'::vector, '[3,4]'::vector)
'[1,2]'::vector <-> '[3,4]'
'[1,2]'::vector + '[3,4]'::vector
vector_dims('[1,2]'::vector)
binary_quantize('[1,2]'::vector)
JSON_OBJECT('a': 1)
decode('00', 'hex')
sha256('x')
encode(sha256('x'), 'hex')
hashtext('x')
width_bucket(1.0, 0, 10, 5)
age('2024-01-01'::timestamp)
isfinite('2024-01-01'::date)
'10.0.0.1'::inet
host('10.0.0.1')
regexp_replace('a', 'b', 'c')
split_part('a,b', ',', 1)
string_to_array('a,b', ',')
array_to_string(ARRAY[1,2], ',')
unnest(ARRAY[1,2])
num_nulls(1, NULL)
pg_typeof(1)
nosuchcolumn
'a'::nosuchtype
"""

WITH_COLUMNS = """
a
a + 1
a + big
a + r
si + si
n * 2
round(n, 1)
round(f)
a / n
-a
a::text
a::bigint
a::bool
b || c
b || 'x'
b || a
a || b
b || NULL
lower(b)
lower(c)
lower(ch)
length(c)
c = 'x'
b = 3
a = '3'
a = 'x'
m = 'ok'
m = 'nosuch'
m::text
m > 'sad'
p + 1
p = 1
d + 1
d + interval '1 day'
d - d
ts + interval '1 day'
tz + interval '1 day'
tz - tz
ts::date
tz::date
d::text
ts::text
ts AT TIME ZONE 'UTC'
tz AT TIME ZONE 'UTC'
date_trunc('day', ts)
date_trunc('day', tz)
date_trunc('day', tz, 'UTC')
date_part('year', d)
extract(year from ts)
extract(year from tz)
extract(epoch from tz)
to_char(ts, 'YYYY')
to_char(a, '999')
to_date(b, 'YYYY')
to_timestamp(a)
age(ts)
age(ts, ts)
tz > now()
j->>'a'
jb->'a'->>'b'
(jb->>'a')::int
(jb->>'a')::timestamptz
jb @> '{"a": 1}'
jb ? 'a'
jb #>> '{a,b}'
jb || '{}'
jb['a']
jsonb_array_length(jb)
jsonb_path_query_first(jb, '$.a')
jsonb_path_exists_tz(jb, '$.a')
j = j
jb = jb
u::text
by = 'x'
encode(by, 'hex')
ip << '10.0.0.0/8'
ip::text
host(ip)
bt & B'10101010'
ia[1]
ia[1:2]
ia || 1
ia || ARRAY[1]
1 = ANY(ia)
a = ANY(ARRAY[1, 2])
b = ANY('{a,b}')
ia @> ARRAY[1]
array_length(ia, 1)
array_to_string(ia, ',')
array_to_string(ta, ',')
array_append(ia, 1)
cardinality(ia)
(ad).street
(ad).nosuch
ad IS NULL
rg @> 1
lower(rg)
a IN (1, 2)
b IN ('x', 'y')
(a, b) = (1, 'x')
a BETWEEN 1 AND 2
b LIKE 'x%'
b ILIKE 'x%'
b ~ 'x'
b SIMILAR TO 'x'
coalesce(a, 0)
coalesce(b, c)
coalesce(a, b)
coalesce(n, a)
nullif(b, '')
greatest(a, n)
CASE WHEN a > 1 THEN b ELSE c END
CASE WHEN a > 1 THEN a ELSE n END
CASE WHEN a > 1 THEN 'x' END
CASE a WHEN 1 THEN 'x' ELSE b END
CASE WHEN a THEN 1 END
a IS DISTINCT FROM 1
NOT flag
NOT a
flag AND a > 1
flag OR a
flag IS TRUE
concat(a, b)
concat_ws(',', a, b)
format('%s', a)
md5(b)
hashtext(b)
to_tsvector(b)
to_tsvector('english', b)
to_tsvector('english', coalesce(b, '') || ' ' || coalesce(c, ''))
to_tsvector('english', jb)
setweight(to_tsvector('english', b), 'A')
v <-> '[1,2,3]'
v <=> v
v <-> h
v::halfvec(3)
v::halfvec
h::vector
v::text
v::real[]
binary_quantize(v)
binary_quantize(v)::bit(3)
subvector(v, 1, 2)
subvector(v, 1, 2)::vector(2)
vector_dims(v)
vector_norm(v)
l2_normalize(v)
v + v
v || v
sp <-> sp
o::int
o = 1
na = 'x'
na || 'x'
c::varchar(5)
n::numeric(5,1)
n::int
r::numeric
iv * 2
iv::text
tm + iv
b COLLATE "C"
a COLLATE "C"
upper(b COLLATE "C")
substring(b, 1, 3)
substring(b from 'x')
position('x' in b)
trim(b)
left(b, 3)
regexp_replace(b, 'x', 'y')
split_part(b, ',', 1)
string_to_array(b, ',')
sql_adds(a, 1)
sql_adds(a)
over(a)
over(b)
over(c)
over(si)
many(a, 1)
first_of(ia)
row_to_json(t)
t.a
t.nosuch
other.a
t IS NULL
pg_typeof(a)
num_nonnulls(a, b)
tableoid
octet_length(by)
set_byte(by, 0, 1)
convert_to(b, 'UTF8')
convert_from(by, 'UTF8')
a::oid::regclass
x::text
"""


@pytest.fixture(scope="module")
def described():
    return {}


@pytest.fixture
def place(server, database):
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(SCHEMA)
        yield server.version, connection, load_catalog(connection)


def _lines(text):
    return [line for line in text.strip().splitlines() if line]


def _predicted(catalog, version, expression, place, **given):
    statement = parse_statement(f"SELECT {expression}")
    context = Context.of(statement, catalog, Session(), version)
    return read_expression(context, statement.node.target_list[0].res_target.val, place, **given)


def _try(connection, sql):
    """Run it for nothing; return its error's code."""
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(sql)
    except psycopg.Error as error:
        return error.sqlstate
    return None


def test_types_are_the_servers(place):
    version, connection, catalog = place
    relation = catalog.relations[Name("public", "t")]
    wrong = []
    for expression in _lines(WITHOUT_COLUMNS) + _lines(WITH_COLUMNS):
        facts = _predicted(catalog, version, expression, Place.QUERY, relation=relation, evaluated=False)
        try:
            with connection.transaction(force_rollback=True):
                connection.execute(f"CREATE TABLE made AS SELECT {expression} AS it FROM t WITH NO DATA")
                actual = connection.execute(
                    "SELECT replace(atttypid::regtype::text, 'public.', '') FROM pg_attribute "
                    "WHERE attrelid = 'made'::regclass AND attnum = 1"
                ).fetchone()[0]
        except psycopg.Error as error:
            actual = error.sqlstate
        if actual == "42P16":  # a pseudo-type has no column, but the expression is fine
            continue
        predicted = facts.refusal.sqlstate if facts.refusal else facts.type and display(_bare(facts.type))
        if predicted == "unknown":
            predicted = "text"
        if predicted is None and (facts.unknowns or "SELECT" in expression):
            continue
        if predicted != actual:
            wrong.append((expression, predicted, actual))
    assert not wrong, "\n".join(map(str, wrong))


def _bare(found):
    from dataclasses import replace

    return replace(found, modifiers=())


def test_volatile_defaults_rewrite_and_others_do_not(place):
    version, connection, catalog = place
    connection.execute("CREATE TABLE filled (k int); INSERT INTO filled VALUES (1)")
    wrong = []
    for expression in _lines(WITHOUT_COLUMNS):
        facts = _predicted(catalog, version, expression, Place.DEFAULT)
        found = facts.type
        if found is not None and found.name.name in {"bit", "positive"}:
            continue  # bit means bit(1) in a column, and a checked domain always rewrites
        guess = found is None or found.name.name in {"unknown", "record", "void"}
        type_name = "text" if guess else display(_bare(found))
        facts = _predicted(catalog, version, expression, Place.DEFAULT, target=found and _bare(found))
        before = connection.execute("SELECT pg_relation_filenode('filled')").fetchone()
        try:
            with connection.transaction(force_rollback=True):
                connection.execute("SELECT nextval('sq')")
                connection.execute(f"ALTER TABLE filled ADD COLUMN z {type_name} DEFAULT {expression}")
                after = connection.execute("SELECT pg_relation_filenode('filled')").fetchone()
                actual = "rewrite" if before != after else "none"
        except psycopg.Error as error:
            actual = error.sqlstate
        if actual in {"42804", "42601", "23502"} or found is None:
            continue  # the column's type was a guess of this test
        predicted = facts.refusal.sqlstate if facts.refusal else None
        predicted = predicted or ("rewrite" if facts.volatility is Volatility.VOLATILE else "none")
        if predicted != actual:
            wrong.append((expression, predicted, actual, facts.volatility))
    assert not wrong, "\n".join(map(str, wrong))


def test_only_immutable_expressions_can_be_generated(place):
    version, connection, catalog = place
    relation = catalog.relations[Name("public", "t")]
    wrong = []
    for expression in _lines(WITH_COLUMNS):
        facts = _predicted(catalog, version, expression, Place.GENERATED, relation=relation)
        if facts.type is None and facts.refusal is None:
            continue
        type_name = display(_bare(facts.type)) if facts.type and facts.type.name.name != "unknown" else "text"
        actual = _try(connection, f"ALTER TABLE t ADD COLUMN z {type_name} GENERATED ALWAYS AS ({expression}) STORED")
        if actual in {"42P16", "42P17"} and expression in {"row_to_json(t)", "t IS NULL", "tableoid"}:
            continue  # whole-row and system columns have rules of their own there
        predicted = facts.refusal.sqlstate if facts.refusal else None
        if predicted is None and facts.volatility is not Volatility.IMMUTABLE:
            predicted = "42P17"
        if predicted != actual:
            wrong.append((expression, predicted, actual))
    assert not wrong, "\n".join(map(str, wrong))
