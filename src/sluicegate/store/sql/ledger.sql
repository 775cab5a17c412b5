-- Statements about chunks, parked rows and leases.

-- name: lease_epoch
-- Hand out the next fencing epoch.
UPDATE sluicegate.backfill SET epoch = epoch + 1 WHERE name = %(name)s RETURNING epoch;

-- name: lease_take
-- Register a worker.
INSERT INTO sluicegate.lease (backfill, epoch, owner, acquired_at, renewed_at, expires_at)
VALUES (%(name)s, %(epoch)s, %(owner)s, clock_timestamp(), clock_timestamp(),
        clock_timestamp() + make_interval(secs => %(seconds)s));

-- name: lease_renew
-- A worker's heartbeat; no row means that its lease was taken away.
UPDATE sluicegate.lease
SET renewed_at = clock_timestamp(), expires_at = clock_timestamp() + make_interval(secs => %(seconds)s)
WHERE backfill = %(name)s AND epoch = %(epoch)s;

-- name: lease_fence
-- Inside a chunk's transaction: is this worker still one? The lock keeps the lease from being taken before the commit,
-- and lets heartbeats pass, since they do not change the key.
-- What a worker has to know for its next chunk comes along: the settings in force, how many workers are before it in line,
-- and where the WAL ends. The commit that follows does not wait for the disk.
SELECT b.state, b.batch_size, b.sleep, b.workers,
       CASE WHEN b.workers IS NULL THEN 0 ELSE (
           SELECT count(*) FROM sluicegate.lease AS o
           WHERE o.backfill = l.backfill AND o.epoch < l.epoch AND o.expires_at > clock_timestamp()
       ) END AS ahead,
       pg_current_wal_insert_lsn()::text AS wal,
       set_config('synchronous_commit', 'off', true) AS commits
FROM sluicegate.lease AS l
JOIN sluicegate.backfill AS b ON b.name = l.backfill
WHERE l.backfill = %(name)s AND l.epoch = %(epoch)s
FOR KEY SHARE OF l;

-- name: lease_hold
-- Say why a worker waits, and since when.
UPDATE sluicegate.lease SET held_since = coalesce(held_since, clock_timestamp()), held_reason = %(reason)s
WHERE backfill = %(name)s AND epoch = %(epoch)s
RETURNING held_since;

-- name: lease_go_on
-- A worker does not wait any more.
UPDATE sluicegate.lease SET held_since = NULL, held_reason = NULL
WHERE backfill = %(name)s AND epoch = %(epoch)s AND held_since IS NOT NULL;

-- name: lease_release
-- A worker leaves.
DELETE FROM sluicegate.lease WHERE backfill = %(name)s AND epoch = %(epoch)s;

-- name: lease_take_over
-- Take the leases of workers that have not been heard of; one whose transaction is open is left for the next round.
DELETE FROM sluicegate.lease AS l
USING (
    SELECT backfill, epoch FROM sluicegate.lease
    WHERE backfill = %(name)s AND epoch <> %(epoch)s AND expires_at < clock_timestamp()
    ORDER BY epoch
    FOR UPDATE SKIP LOCKED
) AS silent
WHERE l.backfill = silent.backfill AND l.epoch = silent.epoch
RETURNING l.epoch, l.owner, l.expires_at;

-- name: lease_others
-- Workers of a backfill besides one, living or silent.
SELECT epoch, owner, acquired_at, renewed_at, expires_at, expires_at < clock_timestamp() AS silent, held_since,
       held_reason
FROM sluicegate.lease
WHERE backfill = %(name)s AND epoch <> %(epoch)s
ORDER BY epoch;

-- name: workers_wanted
-- Whether a running backfill was tuned to more workers than are alive.
SELECT b.state = 'running' AND b.workers > (
    SELECT count(*) FROM sluicegate.lease AS l WHERE l.backfill = b.name AND l.expires_at > clock_timestamp()
) AS more
FROM sluicegate.backfill AS b
WHERE b.name = %(name)s;

-- name: frontier_create
-- Start a plan; one that is there stays.
INSERT INTO sluicegate.frontier (backfill, seq, bound, exhausted)
VALUES (%(name)s, 0, NULL, false)
ON CONFLICT (backfill) DO NOTHING;

-- name: frontier_lock
-- How far the plan reaches, for the one worker that plans ahead; the others go on with what is planned.
SELECT seq, bound, exhausted FROM sluicegate.frontier WHERE backfill = %(name)s
FOR UPDATE SKIP LOCKED;

-- name: frontier_get
-- The key up to which chunks were planned.
SELECT bound FROM sluicegate.frontier WHERE backfill = %(name)s;

-- name: frontier_move
-- Record the plan's new end.
UPDATE sluicegate.frontier SET seq = %(seq)s, bound = %(bound)s, exhausted = %(exhausted)s
WHERE backfill = %(name)s;

-- name: frontier_reopen
-- Plan on from where the plan ended: keys came in above it.
UPDATE sluicegate.frontier SET exhausted = false WHERE backfill = %(name)s;

-- name: frontier_clear
-- Forget every plan of a backfill.
DELETE FROM sluicegate.frontier WHERE backfill = %(name)s;

-- name: chunk_clear
-- Forget every chunk of a backfill.
DELETE FROM sluicegate.chunk WHERE backfill = %(name)s;

-- name: parked_clear
-- Forget every parked row of a backfill.
DELETE FROM sluicegate.parked WHERE backfill = %(name)s;

-- name: chunk_plan
-- Add planned chunks, given as a JSON array of objects with seq, lo and hi.
INSERT INTO sluicegate.chunk (backfill, kind, seq, part, lo, hi, state, attempts)
SELECT %(name)s, 'range', c.seq, '', c.lo, c.hi, 'pending', 0
FROM jsonb_to_recordset(%(chunks)s::jsonb) AS c (seq bigint, lo text[], hi text[]);

-- name: chunk_claim
-- Take the first chunk that nobody holds; the lock is the claim, and it ends with the transaction. A chunk that a worker
-- claimed for longer than a transaction is free again when that worker's lease is gone, or when we were that worker.
SELECT c.seq, c.part, c.lo, c.hi, c.attempts
FROM sluicegate.chunk AS c
WHERE c.backfill = %(name)s AND c.kind = %(kind)s AND c.state IN ('pending', 'running') AND (
    c.state = 'pending' OR c.epoch = %(epoch)s OR NOT EXISTS (
        SELECT 1 FROM sluicegate.lease AS l WHERE l.backfill = c.backfill AND l.epoch = c.epoch
    )
)
ORDER BY c.seq, c.part
LIMIT 1
FOR UPDATE OF c SKIP LOCKED;

-- name: chunk_begin
-- Keep the claim beyond this transaction, for as long as our lease holds.
UPDATE sluicegate.chunk
SET state = 'running', epoch = %(epoch)s, started_at = clock_timestamp()
WHERE backfill = %(name)s AND kind = %(kind)s AND seq = %(seq)s AND part = %(part)s
  AND state IN ('pending', 'running');

-- name: chunk_lock
-- Take this chunk again, after its transaction ended, unless another worker was faster.
SELECT seq, part, lo, hi, attempts
FROM sluicegate.chunk
WHERE backfill = %(name)s AND kind = %(kind)s AND seq = %(seq)s AND part = %(part)s
  AND (state = 'pending' OR state = 'running' AND epoch = %(epoch)s)
FOR UPDATE SKIP LOCKED;

-- name: chunk_done
-- Record a chunk in the transaction that wrote its rows, and hold the backfill's row, which all workers share, from here to
-- the commit. Its WAL is what the whole server wrote meanwhile.
WITH done AS (
    UPDATE sluicegate.chunk
    SET state = 'done', rows = %(rows)s, attempts = attempts + 1, epoch = %(epoch)s, owner = %(owner)s, error = NULL,
        wal_bytes = pg_wal_lsn_diff(pg_current_wal_insert_lsn(), %(wal_from)s::pg_lsn)::bigint,
        started_at = CASE WHEN state = 'running' AND epoch = %(epoch)s THEN started_at ELSE transaction_timestamp() END,
        finished_at = clock_timestamp()
    WHERE backfill = %(name)s AND kind = %(kind)s AND seq = %(seq)s AND part = %(part)s
      AND state IN ('pending', 'running')
    RETURNING extract(epoch FROM finished_at - started_at)::double precision AS seconds, wal_bytes
)
SELECT done.seconds, done.wal_bytes
FROM sluicegate.backfill AS b
LEFT JOIN done ON true
WHERE b.name = %(name)s
FOR NO KEY UPDATE OF b;

-- name: chunk_keys_done
-- Record a set of keys of a sidecar in the transaction that wrote their rows.
INSERT INTO sluicegate.chunk
    (backfill, kind, seq, part, state, rows, attempts, epoch, owner, wal_bytes, started_at, finished_at)
SELECT %(name)s, 'keys', coalesce(max(seq), 0) + 1, '', 'done', %(rows)s, 1, %(epoch)s, %(owner)s,
       pg_wal_lsn_diff(pg_current_wal_insert_lsn(), %(wal_from)s::pg_lsn)::bigint, transaction_timestamp(),
       clock_timestamp()
FROM sluicegate.chunk
WHERE backfill = %(name)s AND kind = 'keys'
RETURNING seq, extract(epoch FROM finished_at - started_at)::double precision AS seconds, wal_bytes;

-- name: chunk_give_up
-- A chunk of several rows that cannot be done now.
UPDATE sluicegate.chunk
SET state = 'failed', attempts = attempts + 1, error = %(error)s, epoch = %(epoch)s, owner = %(owner)s,
    finished_at = clock_timestamp()
WHERE backfill = %(name)s AND kind = %(kind)s AND seq = %(seq)s AND part = %(part)s
  AND state IN ('pending', 'running');

-- name: chunk_shrink
-- The lower half of a split chunk.
UPDATE sluicegate.chunk
SET part = %(lower)s, hi = %(middle)s, state = 'pending', attempts = 0
WHERE backfill = %(name)s AND kind = %(kind)s AND seq = %(seq)s AND part = %(part)s
  AND state IN ('pending', 'running');

-- name: chunk_split
-- The upper half of a split chunk.
INSERT INTO sluicegate.chunk (backfill, kind, seq, part, lo, hi, state, attempts)
VALUES (%(name)s, %(kind)s, %(seq)s, %(upper)s, %(middle)s, %(hi)s, 'pending', 0);

-- name: chunk_park
-- A chunk of one row that cannot be written.
UPDATE sluicegate.chunk
SET state = 'parked', rows = 0, attempts = attempts + 1, epoch = %(epoch)s, owner = %(owner)s, error = %(error)s,
    started_at = transaction_timestamp(), finished_at = clock_timestamp()
WHERE backfill = %(name)s AND kind = %(kind)s AND seq = %(seq)s AND part = %(part)s
  AND state IN ('pending', 'running');

-- name: chunk_reopen
-- Try again what was given up or parked, at a new start.
UPDATE sluicegate.chunk SET state = 'pending', attempts = 0
WHERE backfill = %(name)s AND state IN ('failed', 'parked', 'running');

-- name: chunk_unpark
-- Try parked rows again.
UPDATE sluicegate.chunk SET state = 'pending', attempts = 0 WHERE backfill = %(name)s AND state = 'parked';

-- name: chunk_unplan
-- Forget the planned chunks behind the last one that somebody has in hand or has dealt with, so that what lies there is
-- planned anew; return where that is. The frontier is locked by the statement before.
WITH free AS (
    SELECT seq FROM sluicegate.chunk
    WHERE backfill = %(name)s AND kind = 'range' AND state = 'pending' AND part = '' AND attempts = 0
    ORDER BY seq
    FOR UPDATE SKIP LOCKED
), kept AS (
    SELECT coalesce(max(c.seq), 0) AS seq FROM sluicegate.chunk AS c
    WHERE c.backfill = %(name)s AND c.kind = 'range' AND NOT EXISTS (SELECT 1 FROM free AS f WHERE f.seq = c.seq)
), gone AS (
    DELETE FROM sluicegate.chunk AS c USING kept
    WHERE c.backfill = %(name)s AND c.kind = 'range' AND c.seq > kept.seq
    RETURNING c.seq, c.lo
)
SELECT g.lo, kept.seq, (SELECT count(*) FROM gone) AS chunks FROM gone AS g CROSS JOIN kept ORDER BY g.seq LIMIT 1;

-- name: chunk_cancel
-- Cancel what the workers of a backfill are doing in this database; the chunk is rolled back.
SELECT pid, pg_cancel_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND state = 'active' AND pid <> pg_backend_pid()
  AND application_name = left('sluicegate backfill ' || %(name)s, 63)
  AND pg_has_role(usesysid, 'MEMBER');

-- name: frontier_wait
-- Wait until nobody plans, and keep it so until the transaction ends.
SELECT 1 FROM sluicegate.frontier WHERE backfill = %(name)s FOR UPDATE;

-- name: chunk_requeue
-- Have a range worked off again that verification found incomplete.
INSERT INTO sluicegate.chunk (backfill, kind, seq, part, lo, hi, state, attempts)
SELECT %(name)s, 'requeue', coalesce(max(seq), 0) + 1, '', %(lo)s, %(hi)s, 'pending', 0
FROM sluicegate.chunk
WHERE backfill = %(name)s AND kind = 'requeue';

-- name: chunk_open
-- What is left to do of the planned chunks.
SELECT count(*) FILTER (WHERE state IN ('pending', 'running')) AS pending, count(*) FILTER (WHERE state = 'failed') AS failed
FROM sluicegate.chunk
WHERE backfill = %(name)s AND kind = %(kind)s AND state IN ('pending', 'running', 'failed');

-- name: chunk_more
-- Whether chunks of a kind are left to do or to plan.
SELECT EXISTS (
    SELECT 1 FROM sluicegate.chunk WHERE backfill = %(name)s AND kind = %(kind)s AND state IN ('pending', 'running')
) OR %(kind)s = 'range' AND EXISTS (
    SELECT 1 FROM sluicegate.frontier WHERE backfill = %(name)s AND NOT exhausted
);

-- name: chunk_figures
-- The ledger in figures.
SELECT kind, state, count(*) AS chunks, coalesce(sum(rows), 0)::bigint AS rows, max(finished_at) AS latest
FROM sluicegate.chunk
WHERE backfill = %(name)s
GROUP BY kind, state
ORDER BY kind, state;

-- name: chunk_rate
-- What was written of late: rows, and the seconds since the first of those chunks began.
SELECT coalesce(sum(rows), 0)::bigint AS rows,
       coalesce(extract(epoch FROM clock_timestamp() - min(started_at)), 0)::double precision AS seconds
FROM sluicegate.chunk
WHERE backfill = %(name)s AND state = 'done' AND finished_at > clock_timestamp() - make_interval(secs => %(window)s)
  AND kind = ANY (%(kinds)s);

-- name: chunk_history
-- The last chunks that were dealt with, oldest first.
SELECT kind, seq, part, hi, state, rows, attempts, owner, wal_bytes, started_at, finished_at,
       extract(epoch FROM finished_at - started_at)::double precision AS seconds
FROM (
    SELECT * FROM sluicegate.chunk
    WHERE backfill = %(name)s AND finished_at IS NOT NULL
    ORDER BY finished_at DESC, seq DESC
    LIMIT %(limit)s
) AS last
ORDER BY finished_at, seq;

-- name: chunk_statistics
-- The ledger by worker: chunks, rows, WAL and how long chunks took.
SELECT coalesce(owner, '-') AS owner, count(*) AS chunks, coalesce(sum(rows), 0)::bigint AS rows,
       coalesce(sum(wal_bytes), 0)::bigint AS wal_bytes,
       coalesce(avg(extract(epoch FROM finished_at - started_at)), 0)::double precision AS mean,
       coalesce(max(extract(epoch FROM finished_at - started_at)), 0)::double precision AS longest
FROM sluicegate.chunk
WHERE backfill = %(name)s AND state = 'done'
GROUP BY 1
ORDER BY 1;

-- name: advance
-- Count what was written, and move the mark to the end of the last chunk before the first open one. The backfill's row
-- is locked by the statement before, so that this one sees what other workers committed.
UPDATE sluicegate.backfill
SET rows_written = rows_written + %(rows)s,
    rows_parked = rows_parked + %(parked)s,
    mark = coalesce(
        (
            SELECT c.hi
            FROM (VALUES (1)) AS always
            LEFT JOIN LATERAL (
                SELECT o.seq, o.part
                FROM sluicegate.chunk AS o
                WHERE o.backfill = %(name)s AND o.kind = 'range' AND o.state IN ('pending', 'running', 'failed')
                ORDER BY o.seq, o.part
                LIMIT 1
            ) AS first ON true
            CROSS JOIN LATERAL (
                SELECT b.hi
                FROM sluicegate.chunk AS b
                WHERE b.backfill = %(name)s AND b.kind = 'range'
                  AND (b.seq, b.part) < (coalesce(first.seq, 9223372036854775807), coalesce(first.part, ''))
                ORDER BY b.seq DESC, b.part DESC
                LIMIT 1
            ) AS c
        ),
        mark
    )
WHERE name = %(name)s;

-- name: parked_add
-- Park a row with its reason.
INSERT INTO sluicegate.parked (backfill, key, sqlstate, reason, attempts, parked_at)
VALUES (%(name)s, %(key)s, %(sqlstate)s, %(reason)s, 1, clock_timestamp())
ON CONFLICT (backfill, key) DO UPDATE
SET sqlstate = excluded.sqlstate, reason = excluded.reason, attempts = sluicegate.parked.attempts + 1,
    parked_at = excluded.parked_at;

-- name: parked_list
-- The parked rows, a few of them.
SELECT key, sqlstate, reason, attempts, parked_at
FROM sluicegate.parked
WHERE backfill = %(name)s
ORDER BY key
LIMIT %(limit)s;
