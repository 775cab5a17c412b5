CREATE EXTENSION vector;
CREATE SCHEMA app;
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN app.positive AS integer CHECK (VALUE > 0);
CREATE TABLE organizations (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL UNIQUE);
CREATE TABLE events (
    id bigserial PRIMARY KEY,
    organization_id bigint NOT NULL REFERENCES organizations ON DELETE CASCADE,
    kind varchar(20) DEFAULT 'none',
    amount numeric(10, 2) CHECK (amount >= 0),
    feeling mood,
    tags text[],
    happened timestamptz NOT NULL DEFAULT now(),
    doubled numeric GENERATED ALWAYS AS (amount * 2) STORED
);
CREATE INDEX events_kind_idx ON events (kind) WHERE kind IS NOT NULL;
CREATE UNIQUE INDEX events_lower_idx ON events (lower(kind), happened DESC);
CREATE TABLE event_embeddings (event_id bigint PRIMARY KEY, embedding vector(3));
CREATE INDEX event_embeddings_hnsw ON event_embeddings USING hnsw (embedding vector_cosine_ops);
ALTER TABLE event_embeddings ADD CONSTRAINT event_embeddings_event_fk
    FOREIGN KEY (event_id) REFERENCES events (id) NOT VALID;
CREATE VIEW app.recent AS SELECT id, kind FROM events;
CREATE MATERIALIZED VIEW totals AS SELECT count(*) AS n FROM events;
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER touch_events BEFORE INSERT OR UPDATE ON events FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TABLE parts (id bigint, at date) PARTITION BY RANGE (at);
CREATE TABLE parts_2024 PARTITION OF parts FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
ALTER TABLE events ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON events FOR SELECT USING (true);
