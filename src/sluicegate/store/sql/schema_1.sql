-- The tables in which sluicegate keeps what its backfills have done, version 1. `sluicegate init` copies these
-- statements into a revision; this file never changes afterwards. A later version is a file of its own.

-- name: create_schema
-- The schema.
CREATE SCHEMA sluicegate;

-- name: create_backfill
-- One row for each backfill: its state, how far it is, and the proof.
CREATE TABLE sluicegate.backfill (
    name text NOT NULL,
    number text NOT NULL,
    revision text NOT NULL,
    state text NOT NULL,
    fingerprint text NOT NULL,
    key_types text[] NOT NULL,
    upper_bound text[],
    mark text[],
    batch_size integer NOT NULL,
    sleep double precision NOT NULL,
    workers integer,
    epoch bigint NOT NULL,
    rows_written bigint NOT NULL,
    rows_parked bigint NOT NULL,
    rows_owed bigint,
    rows_done bigint,
    written_at_count bigint,
    error text,
    started_at timestamp with time zone,
    finished_at timestamp with time zone,
    verified_at timestamp with time zone,
    CONSTRAINT backfill_pkey PRIMARY KEY (name),
    CONSTRAINT backfill_state_check CHECK (state IN (
        'planned', 'running', 'pausing', 'paused', 'cancelling', 'cancelled', 'interrupted', 'failed', 'finished',
        'finished_with_parked', 'verified'
    ))
);

-- name: create_frontier
-- How far the plan of chunks reaches; apart from backfill, so that planning holds up no commit.
CREATE TABLE sluicegate.frontier (
    backfill text NOT NULL,
    seq bigint NOT NULL,
    bound text[],
    exhausted boolean NOT NULL,
    CONSTRAINT frontier_pkey PRIMARY KEY (backfill),
    CONSTRAINT frontier_backfill_fkey FOREIGN KEY (backfill) REFERENCES sluicegate.backfill (name) ON DELETE CASCADE
);

-- name: create_chunk
-- The ledger: a row for each chunk, written in the transaction that writes the chunk's rows.
CREATE TABLE sluicegate.chunk (
    backfill text NOT NULL,
    kind text NOT NULL,
    seq bigint NOT NULL,
    part text COLLATE "C" NOT NULL,
    lo text[],
    hi text[],
    state text NOT NULL,
    rows bigint,
    attempts integer NOT NULL,
    epoch bigint,
    owner text,
    wal_bytes bigint,
    error text,
    started_at timestamp with time zone,
    finished_at timestamp with time zone,
    CONSTRAINT chunk_pkey PRIMARY KEY (backfill, kind, seq, part),
    CONSTRAINT chunk_backfill_fkey FOREIGN KEY (backfill) REFERENCES sluicegate.backfill (name) ON DELETE CASCADE,
    CONSTRAINT chunk_kind_check CHECK (kind IN ('range', 'requeue', 'keys')),
    CONSTRAINT chunk_state_check CHECK (state IN ('pending', 'running', 'done', 'parked', 'failed'))
);

-- name: create_chunk_open_idx
-- Chunks that are left to do, found without reading those that are done.
CREATE INDEX chunk_open_idx ON sluicegate.chunk (backfill, kind, seq, part)
    WHERE state IN ('pending', 'running', 'failed');

-- name: create_parked
-- Rows that cannot be written, with the reason.
CREATE TABLE sluicegate.parked (
    backfill text NOT NULL,
    key text[] NOT NULL,
    sqlstate text,
    reason text NOT NULL,
    attempts integer NOT NULL,
    parked_at timestamp with time zone NOT NULL,
    CONSTRAINT parked_pkey PRIMARY KEY (backfill, key),
    CONSTRAINT parked_backfill_fkey FOREIGN KEY (backfill) REFERENCES sluicegate.backfill (name) ON DELETE CASCADE
);

-- name: create_lease
-- Workers: each has an epoch, and writes only as long as its row is here.
CREATE TABLE sluicegate.lease (
    backfill text NOT NULL,
    epoch bigint NOT NULL,
    owner text NOT NULL,
    acquired_at timestamp with time zone NOT NULL,
    renewed_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    held_since timestamp with time zone,
    held_reason text,
    CONSTRAINT lease_pkey PRIMARY KEY (backfill, epoch),
    CONSTRAINT lease_backfill_fkey FOREIGN KEY (backfill) REFERENCES sluicegate.backfill (name) ON DELETE CASCADE
);

-- name: create_audit
-- Who did what: workers by host and process, people by user and host.
CREATE TABLE sluicegate.audit (
    id bigint GENERATED ALWAYS AS IDENTITY,
    at timestamp with time zone NOT NULL DEFAULT now(),
    backfill text NOT NULL,
    actor text NOT NULL,
    event text NOT NULL,
    detail text NOT NULL,
    CONSTRAINT audit_pkey PRIMARY KEY (id)
);

-- name: create_audit_backfill_idx
-- The history of one backfill.
CREATE INDEX audit_backfill_idx ON sluicegate.audit (backfill, id);

-- name: create_proof
-- Proofs: what was counted, for which definition, and up to which key. Rows above that key are owed by the trigger or tick.
CREATE TABLE sluicegate.proof (
    id bigint GENERATED ALWAYS AS IDENTITY,
    backfill text NOT NULL,
    fingerprint text NOT NULL,
    upper_bound text[],
    rows_owed bigint NOT NULL,
    rows_done bigint NOT NULL,
    started_at timestamp with time zone NOT NULL,
    proved_at timestamp with time zone NOT NULL,
    CONSTRAINT proof_pkey PRIMARY KEY (id),
    CONSTRAINT proof_backfill_fkey FOREIGN KEY (backfill) REFERENCES sluicegate.backfill (name) ON DELETE CASCADE
);

-- name: create_sight
-- How far the table was looked at, and which writing transactions were in flight then: below a sight without writers
-- nothing can appear any more, except under keys that were drawn long before.
CREATE TABLE sluicegate.sight (
    backfill text NOT NULL,
    seq bigint NOT NULL,
    bound text[] NOT NULL,
    writers text[] NOT NULL,
    seen_at timestamp with time zone NOT NULL,
    CONSTRAINT sight_pkey PRIMARY KEY (backfill, seq),
    CONSTRAINT sight_backfill_fkey FOREIGN KEY (backfill) REFERENCES sluicegate.backfill (name) ON DELETE CASCADE
);

-- name: create_schema_version
-- Which version of these tables this is.
CREATE FUNCTION sluicegate.schema_version() RETURNS integer
LANGUAGE sql IMMUTABLE
AS $$ SELECT 1 $$;

-- name: create_require_backfill
-- The gate: raises SG001 unless every backfill of this name or number is verified.
CREATE FUNCTION sluicegate.require_backfill(wanted text) RETURNS void
LANGUAGE plpgsql STABLE
AS $$
DECLARE
    known integer := 0;
    run record;
BEGIN
    FOR run IN
        SELECT b.name, b.state, b.mark, b.rows_parked, b.verified_at
        FROM sluicegate.backfill AS b
        WHERE b.name = wanted OR b.number = wanted
        ORDER BY b.name
    LOOP
        known := known + 1;
        IF run.verified_at IS NULL THEN
            RAISE EXCEPTION USING
                ERRCODE = 'SG001',
                MESSAGE = 'the gate is closed: backfill ' || run.name || ' is not verified',
                DETAIL = 'Its state is "' || replace(run.state, '_', ' ') || '"; nothing proves that no row is missing'
                    || CASE WHEN run.rows_parked > 0 THEN ', and ' || run.rows_parked || ' rows are parked' ELSE '' END
                    || '.',
                HINT = CASE WHEN run.state IN ('finished', 'finished_with_parked', 'verified') THEN ''
                    ELSE 'Run: sluicegate backfill run ' || run.name || '. ' END
                    || 'Run: sluicegate backfill verify ' || run.name || '. Then run this revision again.';
        END IF;
    END LOOP;
    IF known = 0 THEN
        RAISE EXCEPTION USING
            ERRCODE = 'SG001',
            MESSAGE = 'the gate is closed: backfill ' || wanted || ' has never run in this database',
            DETAIL = 'Schema sluicegate holds no backfill of that name or number.',
            HINT = 'Run: sluicegate backfill run ' || wanted || '. Run: sluicegate backfill verify ' || wanted
                || '. Then run this revision again.';
    END IF;
END
$$;
