"""The other ways to do the same: what each rule catches beside its example, and the look-alikes that it lets pass.

Each case is an SQL file over the schema of the rule's example, in the transactions that psql would give it.
"""

from __future__ import annotations

import pytest

from .verbs import assert_fires, assert_silent

APPEND_ONLY = '[tables]\nappend_only = ["public.events"]\n'
FUNCTION = "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {} RETURN NEW; END $$;"
TRIGGER = "CREATE TRIGGER g BEFORE INSERT ON {} FOR EACH ROW EXECUTE FUNCTION f();"
OTHER = "CREATE TABLE other (id bigint PRIMARY KEY, event_id bigint);"

FIRES = [
    # rule, sql, more setup
    ("append-only-violation", "UPDATE events SET payload_text = '' WHERE id = 1;", ""),
    ("append-only-violation", "DELETE FROM events WHERE id = 1;", ""),
    (
        "append-only-violation",
        "MERGE INTO events e USING other o ON e.id = o.event_id WHEN MATCHED THEN UPDATE SET payload_text = '';",
        OTHER,
    ),
    (
        "append-only-violation",
        "INSERT INTO events VALUES (1, '') ON CONFLICT (id) DO UPDATE SET payload_text = excluded.payload_text;",
        "",
    ),
    ("append-only-violation", "DO $$ BEGIN UPDATE events SET payload_text = ''; END $$;", ""),
    (
        "append-only-violation",
        FUNCTION.format("UPDATE events SET payload_text = '' WHERE id = NEW.event_id;") + TRIGGER.format("other"),
        OTHER,
    ),
    (
        "append-only-violation",
        FUNCTION.format("NEW.payload_text := lower(NEW.payload_text);") + TRIGGER.format("events"),
        "",
    ),
    (
        "attach-partition-scan",
        "CREATE TABLE m25 PARTITION OF measurements FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');",
        "CREATE TABLE rest PARTITION OF measurements DEFAULT;",
    ),
    ("btree-on-vector", "CREATE UNIQUE INDEX CONCURRENTLY i ON workflow_insights (embedding);", ""),
    ("check-validated-at-once", "ALTER TABLE events ADD COLUMN n int CHECK (n > 0);", ""),
    ("check-validated-at-once", "ALTER TABLE events ADD CHECK (kind <> '');", ""),
    ("concurrent-in-transaction", "BEGIN; VACUUM events; COMMIT;", ""),
    ("concurrent-in-transaction", "BEGIN; REINDEX TABLE CONCURRENTLY events; COMMIT;", ""),
    ("data-change-in-revision", "DELETE FROM workflow_insights WHERE content = '';", ""),
    (
        "data-change-in-revision",
        "CREATE TABLE copy (id bigint); INSERT INTO copy SELECT id FROM workflow_insights;",
        "",
    ),
    (
        "data-change-in-revision",
        "WITH gone AS (DELETE FROM workflow_insights RETURNING id) SELECT count(*) FROM gone;",
        "",
    ),
    ("data-change-in-revision", "EXPLAIN ANALYZE UPDATE workflow_insights SET content = '';", ""),
    ("data-change-in-revision", "PREPARE p AS UPDATE workflow_insights SET content = ''; EXECUTE p;", ""),
    ("data-change-in-revision", "UPDATE workflow_insights SET content = '' WHERE id > 5;", ""),
    ("drop-column", "ALTER TABLE events DROP COLUMN kind, DROP COLUMN payload_text;", ""),
    ("drop-table", "DROP TABLE IF EXISTS events;", ""),
    ("drop-vector-column", "DROP TABLE workflow_insights;", ""),
    ("drop-vector-column", "DROP EXTENSION vector CASCADE;", ""),
    ("foreign-key-validated-at-once", "ALTER TABLE events ADD COLUMN o bigint DEFAULT 1 REFERENCES organizations;", ""),
    ("if-not-exists-keeps-other-shape", "CREATE TABLE IF NOT EXISTS events (id bigint, note text);", ""),
    ("if-not-exists-keeps-other-shape", "CREATE INDEX IF NOT EXISTS ix_events_kind ON events (kind, id);", ""),
    ("index-not-concurrent", "CREATE INDEX ON events (kind) WHERE kind <> '';", ""),
    ("json-column", "ALTER TABLE events ADD COLUMN a json;", ""),
    ("lock-timeout-missing", "SET lock_timeout = '5min'; ALTER TABLE events ADD COLUMN a int;", ""),
    ("lock-timeout-missing", "SET lock_timeout = 0; ALTER TABLE events ADD COLUMN a int;", ""),
    ("lock-timeout-missing", "BEGIN; SET LOCAL lock_timeout = '2s'; COMMIT; ALTER TABLE events ADD COLUMN a int;", ""),
    ("lock-timeout-missing", "CREATE TABLE n (id bigint REFERENCES events (id));", ""),
    ("non-null-default", "ALTER TABLE events ADD COLUMN a timestamptz DEFAULT now();", ""),
    ("numbered-column", "ALTER TABLE events ADD COLUMN a bigserial;", ""),
    ("primary-key-builds-index", "ALTER TABLE events ADD PRIMARY KEY (id);", ""),
    ("reindex-not-concurrent", "REINDEX TABLE events;", ""),
    ("rename-table", "ALTER TABLE events SET SCHEMA archive;", "CREATE SCHEMA archive;"),
    ("required-column-without-default", "ALTER TABLE events ADD COLUMN a int NOT NULL;", ""),
    ("rewriting-type-change", "ALTER TABLE events ALTER kind TYPE varchar(10);", ""),
    ("rewriting-type-change", "ALTER TABLE events ALTER kind TYPE text USING lower(kind);", ""),
    (
        "set-not-null-scan",
        "ALTER TABLE events ALTER organization_id SET NOT NULL, DROP CONSTRAINT proof;",
        "ALTER TABLE events ADD CONSTRAINT proof CHECK (organization_id IS NOT NULL);",
    ),
    ("table-rewrite", "VACUUM FULL events;", ""),
    ("table-rewrite", "CLUSTER events USING events_pkey;", ""),
    ("truncate", "TRUNCATE events, other;", OTHER),
    ("unique-constraint-builds-index", "ALTER TABLE events ADD COLUMN a int UNIQUE;", ""),
    ("vector-type-change", "ALTER TABLE workflow_insights ALTER embedding TYPE vector(3) USING NULL;", ""),
    (
        "vector-type-change",
        "UPDATE workflow_insights SET embedding = NULL; ALTER TABLE workflow_insights ALTER embedding TYPE vector(4);",
        "",
    ),
    ("vector-without-dimension", "ALTER TABLE workflow_insights ALTER embedding TYPE vector;", ""),
    ("volatile-default", "ALTER TABLE events ADD COLUMN a float DEFAULT (ARRAY[random()])[1];", ""),
]


@pytest.mark.parametrize(("rule", "sql", "setup"), FIRES)
def test_a_variant_is_caught(rule, sql, setup, tmp_path):
    policy = APPEND_ONLY if rule == "append-only-violation" else ""
    assert_fires(rule, sql, tmp_path, setup=setup, policy=policy)


SILENT = [
    # rule, sql, more setup
    ("append-only-violation", "INSERT INTO events VALUES (1, 'seed');", ""),
    (
        "append-only-violation",
        FUNCTION.format("RAISE EXCEPTION 'events is append-only';") + TRIGGER.format("events"),
        "",
    ),
    ("append-only-violation", FUNCTION.format("INSERT INTO other VALUES (NEW.id);") + TRIGGER.format("events"), OTHER),
    ("append-only-violation", FUNCTION.format("PERFORM 1 FROM events;") + TRIGGER.format("other"), OTHER),
    ("append-only-violation", "ALTER TABLE other ADD COLUMN a int;", OTHER),
    (
        "attach-partition-scan",
        "CREATE TABLE m25 PARTITION OF measurements FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');",
        "",
    ),
    ("check-validated-at-once", "CREATE TABLE n (id bigint PRIMARY KEY, n int); ALTER TABLE n ADD CHECK (n > 0);", ""),
    ("data-change-in-revision", "UPDATE workflow_insights SET content = '' WHERE id = 5;", ""),
    ("data-change-in-revision", "UPDATE workflow_insights SET content = '' WHERE id IN (5, 6);", ""),
    ("data-change-in-revision", "INSERT INTO workflow_insights VALUES (1, 'a'), (2, 'b');", ""),
    ("data-change-in-revision", "INSERT INTO workflow_insights SELECT 1, 'a';", ""),
    ("data-change-in-revision", "CREATE TABLE n (id bigint PRIMARY KEY); UPDATE n SET id = 2;", ""),
    ("data-change-in-revision", "EXPLAIN UPDATE workflow_insights SET content = '';", ""),
    ("data-change-in-revision", "PREPARE p AS UPDATE workflow_insights SET content = '';", ""),
    ("drop-column", "ALTER TABLE events ADD COLUMN a int; ALTER TABLE events DROP COLUMN a;", ""),
    ("drop-column", "ALTER TABLE events DROP COLUMN IF EXISTS a;", ""),
    ("drop-index-not-concurrent", "DROP INDEX IF EXISTS nothing_of_that_name;", ""),
    ("drop-table", "DROP TABLE IF EXISTS nothing_of_that_name;", ""),
    ("drop-table", "CREATE TABLE n (id bigint PRIMARY KEY); DROP TABLE n;", ""),
    ("drop-table", "CREATE TEMP TABLE n (id bigint PRIMARY KEY); DROP TABLE n;", ""),
    ("drop-view", "DROP VIEW recent_events; CREATE VIEW recent_events AS SELECT id FROM events;", ""),
    ("foreign-key-validated-at-once", "ALTER TABLE events ADD COLUMN o bigint REFERENCES organizations;", ""),
    (
        "foreign-key-validated-at-once",
        "CREATE TABLE n (id bigint PRIMARY KEY, o bigint); ALTER TABLE n ADD FOREIGN KEY (o) REFERENCES organizations;",
        "",
    ),
    ("if-not-exists-keeps-other-shape", "CREATE INDEX IF NOT EXISTS ix_events_kind ON events (kind);", ""),
    (
        "index-dropped-before-replacement",
        (
            "CREATE INDEX CONCURRENTLY new ON workflow_insights USING hnsw (embedding vector_cosine_ops);"
            "DROP INDEX CONCURRENTLY ix_insights_embedding;"
        ),
        "",
    ),
    (
        "index-not-concurrent",
        "CREATE INDEX i ON ONLY measurements (id);",
        "CREATE TABLE measurements (id bigint) PARTITION BY RANGE (id);",
    ),
    (
        "lock-timeout-missing",
        "SELECT set_config('lock_timeout', '2s', false); ALTER TABLE events ADD COLUMN a int;",
        "",
    ),
    ("lock-timeout-missing", "COMMENT ON TABLE events IS 'x'; ANALYZE events;", ""),
    ("non-null-default", "ALTER TABLE events ADD COLUMN a int DEFAULT NULL;", ""),
    ("non-null-default", "ALTER TABLE events ADD COLUMN IF NOT EXISTS payload_text text DEFAULT '';", ""),
    ("non-null-default", "ALTER TABLE events ALTER payload_text SET DEFAULT '';", ""),
    (
        "primary-key-builds-index",
        "ALTER TABLE events ADD PRIMARY KEY USING INDEX k;",
        "CREATE UNIQUE INDEX k ON events (id);",
    ),
    (
        "rename-column",
        "ALTER TABLE events RENAME kind TO kind_old; ALTER TABLE events RENAME kind_new TO kind;",
        "ALTER TABLE events ADD COLUMN kind_new text;",
    ),
    ("rewriting-type-change", "ALTER TABLE events ALTER kind TYPE varchar(100);", ""),
    ("rewriting-type-change", "ALTER TABLE events ALTER kind TYPE text;", ""),
    (
        "row-security-without-policy",
        "ALTER TABLE events ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON events USING (true);",
        "",
    ),
    (
        "set-not-null-scan",
        "ALTER TABLE events ALTER organization_id SET NOT NULL;",
        "ALTER TABLE events ADD CONSTRAINT proof CHECK (organization_id IS NOT NULL AND kind <> '');",
    ),
    ("stored-generated-column", "CREATE TABLE n (a int PRIMARY KEY, b int GENERATED ALWAYS AS (a + 1) STORED);", ""),
    (
        "trigger-disabled",
        "BEGIN; ALTER TABLE events DISABLE TRIGGER USER; ALTER TABLE events ENABLE TRIGGER USER; COMMIT;",
        "",
    ),
    ("truncate", "CREATE TABLE n (id bigint PRIMARY KEY); TRUNCATE n;", ""),
    (
        "unique-constraint-builds-index",
        "ALTER TABLE events ADD UNIQUE USING INDEX k;",
        "CREATE UNIQUE INDEX k ON events (kind);",
    ),
    (
        "validate-in-same-transaction",
        "ALTER TABLE events ADD CONSTRAINT c CHECK (kind <> '') NOT VALID; ALTER TABLE events VALIDATE CONSTRAINT c;",
        "",
    ),
    (
        "vector-type-change",
        "CREATE TABLE n (id bigint PRIMARY KEY, e vector(3)); ALTER TABLE n ALTER e TYPE vector(4);",
        "",
    ),
    ("volatile-default", "ALTER TABLE events ALTER payload_text SET DEFAULT gen_random_uuid()::text;", ""),
]


@pytest.mark.parametrize(("rule", "sql", "setup"), SILENT)
def test_a_look_alike_passes(rule, sql, setup, tmp_path):
    policy = APPEND_ONLY if rule == "append-only-violation" else ""
    assert_silent(rule, sql, tmp_path, setup=setup, policy=policy)
