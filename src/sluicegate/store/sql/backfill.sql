-- Statements about a backfill as a whole. Each has a name, a comment and its text.

-- name: backfill_get
-- One backfill's row.
SELECT name, number, revision, state, fingerprint, key_types, upper_bound, mark, batch_size, sleep, workers, epoch,
       rows_written, rows_parked, rows_owed, rows_done, written_at_count, error, started_at, finished_at, verified_at
FROM sluicegate.backfill
WHERE name = %(name)s;

-- name: backfill_all
-- Every backfill's row.
SELECT name, number, revision, state, fingerprint, key_types, upper_bound, mark, batch_size, sleep, workers, epoch,
       rows_written, rows_parked, rows_owed, rows_done, written_at_count, error, started_at, finished_at, verified_at
FROM sluicegate.backfill
ORDER BY name;

-- name: backfill_create
-- Record a backfill at its first start; one that is there stays as it is.
INSERT INTO sluicegate.backfill
    (name, number, revision, state, fingerprint, key_types, batch_size, sleep, epoch, rows_written, rows_parked)
VALUES
    (%(name)s, %(number)s, %(revision)s, 'planned', %(fingerprint)s, %(key_types)s, %(batch_size)s, %(sleep)s, 0, 0, 0)
ON CONFLICT (name) DO NOTHING;

-- name: backfill_lock
-- Hold the backfill's row until the transaction ends, so that state, bounds and mark change one at a time.
SELECT 1 FROM sluicegate.backfill WHERE name = %(name)s FOR NO KEY UPDATE;

-- name: backfill_move
-- Change the state when it is one from which that is allowed.
UPDATE sluicegate.backfill
SET state = %(target)s,
    error = CASE WHEN %(target)s = 'failed' THEN %(error)s::text END,
    started_at = CASE WHEN %(target)s = 'running' THEN coalesce(started_at, clock_timestamp()) ELSE started_at END,
    finished_at = CASE
        WHEN %(target)s IN ('finished', 'finished_with_parked') THEN clock_timestamp()
        WHEN %(target)s = 'running' THEN NULL
        ELSE finished_at
    END
WHERE name = %(name)s AND state = ANY (%(sources)s);

-- name: backfill_pace
-- Record the settings in force.
UPDATE sluicegate.backfill SET batch_size = %(batch_size)s, sleep = %(sleep)s, workers = %(workers)s
WHERE name = %(name)s AND (batch_size, sleep, workers)
      IS DISTINCT FROM (%(batch_size)s::integer, %(sleep)s::double precision, %(workers)s::integer);

-- name: backfill_bound
-- Set the highest key of this run.
UPDATE sluicegate.backfill SET upper_bound = %(upper)s WHERE name = %(name)s;

-- name: backfill_restart
-- Forget the plan, the mark and the proof, and take over a changed definition.
UPDATE sluicegate.backfill
SET fingerprint = %(fingerprint)s, key_types = %(key_types)s, upper_bound = NULL, mark = NULL, rows_written = 0,
    rows_parked = 0, rows_owed = NULL, rows_done = NULL, written_at_count = NULL, error = NULL,
    started_at = NULL, finished_at = NULL, verified_at = NULL
WHERE name = %(name)s;

-- name: backfill_unprove
-- Withdraw the proof: rows are owed again.
UPDATE sluicegate.backfill SET verified_at = NULL WHERE name = %(name)s AND verified_at IS NOT NULL;

-- name: backfill_figures
-- Record what verification counted.
UPDATE sluicegate.backfill SET rows_owed = %(owed)s, rows_done = %(done)s, written_at_count = rows_written
WHERE name = %(name)s;

-- name: backfill_prove
-- Record the proof.
UPDATE sluicegate.backfill
SET verified_at = clock_timestamp(), rows_owed = %(owed)s, rows_done = %(done)s, written_at_count = rows_written
WHERE name = %(name)s;

-- name: backfill_unverified
-- Which of these names or numbers have a backfill that is not verified, or none at all.
SELECT w.wanted, b.name, b.state
FROM unnest(%(wanted)s::text[]) AS w (wanted)
LEFT JOIN sluicegate.backfill AS b ON w.wanted IN (b.name, b.number)
WHERE b.verified_at IS NULL
ORDER BY w.wanted, b.name;

-- name: audit_add
-- Record who did what.
INSERT INTO sluicegate.audit (backfill, actor, event, detail)
VALUES (%(name)s, %(actor)s, %(event)s, %(detail)s);

-- name: audit_list
-- The last events of a backfill, oldest first.
SELECT at, actor, event, detail
FROM (
    SELECT id, at, actor, event, detail FROM sluicegate.audit WHERE backfill = %(name)s ORDER BY id DESC LIMIT %(limit)s
) AS last
ORDER BY id;

-- name: audit_latest
-- Who did something to a backfill last, and when.
SELECT at, actor, event, detail FROM sluicegate.audit
WHERE backfill = %(name)s AND event = %(event)s ORDER BY id DESC LIMIT 1;

-- name: schema_present
-- Whether the state schema is there, and its version; to_regproc answers without raising.
SELECT to_regproc('sluicegate.schema_version') IS NOT NULL AS present;

-- name: schema_version
-- The version of the state schema.
SELECT sluicegate.schema_version() AS version;

-- name: backfill_upper
-- The highest key of the present run.
SELECT upper_bound FROM sluicegate.backfill WHERE name = %(name)s;

-- name: backfill_unpark
-- Parked rows are tried again.
UPDATE sluicegate.backfill SET rows_parked = 0 WHERE name = %(name)s AND rows_parked <> 0;
