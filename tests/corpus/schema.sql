-- The schema that every case of the corpus starts from: what an application has in production before the revision.
-- Rows are in rows.sql; every table holds some unless its comment says "empty".
CREATE EXTENSION IF NOT EXISTS vector;

CREATE TYPE order_state AS ENUM ('pending', 'paid', 'shipped');
CREATE TYPE job_state AS ENUM ('queued', 'running', 'done');
CREATE DOMAIN email_address AS text CONSTRAINT email_address_at CHECK (VALUE LIKE '%@%');
CREATE DOMAIN label AS text;

CREATE TABLE organizations (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    slug varchar(50) UNIQUE,
    plan varchar(20),
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE users (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    organization_id bigint NOT NULL CONSTRAINT users_organization_id_fkey REFERENCES organizations (id),
    email varchar(255) NOT NULL CONSTRAINT users_email_key UNIQUE,
    name text,
    nickname varchar(50),
    bio text,
    age integer,
    login_count integer NOT NULL DEFAULT 0,
    balance numeric(10, 2),
    locale varchar(5),
    is_active boolean,
    created_at timestamp,
    last_seen_at timestamptz,
    settings jsonb,
    contact label,
    legacy_id integer,
    CONSTRAINT users_locale_check CHECK (length(locale) >= 2)
);
CREATE INDEX ix_users_nickname ON users (nickname);
CREATE INDEX ix_users_created_at ON users (created_at);
CREATE INDEX ix_users_lower_bio ON users (lower(bio));

CREATE TABLE orders (
    id serial PRIMARY KEY,
    user_id bigint REFERENCES users (id),
    status varchar(20),
    state order_state NOT NULL DEFAULT 'pending',
    total numeric(10, 2),
    currency char(3),
    note varchar(200),
    meta json,
    coupon text,
    quantity smallint,
    placed_at timestamp NOT NULL,
    external_ref varchar(40) NOT NULL
);
CREATE INDEX ix_orders_status ON orders (status);
CREATE INDEX ix_orders_placed_at ON orders (placed_at);

CREATE TABLE order_items (
    id bigserial PRIMARY KEY,
    order_id integer NOT NULL,
    sku text NOT NULL,
    price numeric(12, 2),
    quantity integer
);

CREATE TABLE payments (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    order_id integer NOT NULL REFERENCES orders (id),
    amount numeric(12, 2) NOT NULL,
    captured_at timestamptz,
    note text,
    CONSTRAINT payments_amount_check CHECK (amount >= 0)
);

CREATE TABLE subscriptions (
    id bigint NOT NULL,
    tenant_id integer NOT NULL,
    starts_on date NOT NULL,
    ends_on date,
    seats integer,
    token varchar(64)
);
CREATE UNIQUE INDEX ux_subscriptions_id ON subscriptions (id);
CREATE UNIQUE INDEX ux_subscriptions_token ON subscriptions (token);

CREATE TABLE plans (code text PRIMARY KEY, name text NOT NULL, monthly_price numeric(10, 2));
CREATE TABLE settings (key text PRIMARY KEY, value text);
CREATE TABLE feature_flags (id serial PRIMARY KEY, name text NOT NULL UNIQUE, enabled boolean NOT NULL DEFAULT false);

CREATE TABLE events (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    organization_id bigint NOT NULL REFERENCES organizations (id),
    kind text NOT NULL,
    payload_text text NOT NULL,
    payload jsonb,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ix_events_organization_id ON events (organization_id);

CREATE TABLE event_embeddings (
    event_id bigint PRIMARY KEY REFERENCES events (id),
    embedding vector(1536) NOT NULL,
    model text
);

CREATE TABLE documents (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    title varchar(100) NOT NULL,
    body text,
    lang varchar(8),
    views integer NOT NULL DEFAULT 0,
    embedding vector(768)
);
CREATE INDEX ix_documents_embedding ON documents USING hnsw (embedding vector_cosine_ops);

CREATE TABLE chunks (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    document_id bigint NOT NULL REFERENCES documents (id),
    position integer NOT NULL,
    content text NOT NULL,
    tenant_id uuid,
    embedding vector(1536),
    embedding_v2 vector(1024)
);

CREATE TABLE images (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    url text NOT NULL,
    clip vector(512),
    large vector(3072),
    thumb halfvec(256),
    terms sparsevec(1000),
    fingerprint bit(64),
    palette real[],
    raw vector,
    raw_text text
);
CREATE INDEX ix_images_clip ON images USING ivfflat (clip vector_l2_ops) WITH (lists = 5);

CREATE TABLE memories (
    id bigint PRIMARY KEY,
    tenant_id integer NOT NULL,
    embedding vector(384)
);
CREATE INDEX ix_memories_half ON memories USING hnsw ((embedding::halfvec(384)) halfvec_cosine_ops);

CREATE TABLE drafts (id bigint PRIMARY KEY, body text, embedding vector(768));
COMMENT ON TABLE drafts IS 'holds rows, but no embedding has been written yet';

CREATE TABLE jobs (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    state job_state NOT NULL DEFAULT 'queued',
    queue text,
    payload jsonb,
    attempts integer NOT NULL DEFAULT 0,
    locked_until timestamptz
);

CREATE TABLE measurements (
    sensor_id integer NOT NULL,
    taken_at timestamptz NOT NULL,
    value double precision
) PARTITION BY RANGE (taken_at);
CREATE TABLE measurements_2024 PARTITION OF measurements FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE measurements_2025 PARTITION OF measurements FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE measurements_2026 (sensor_id integer NOT NULL, taken_at timestamptz NOT NULL, value double precision);
CREATE TABLE measurements_2027 (
    sensor_id integer NOT NULL,
    taken_at timestamptz NOT NULL,
    value double precision,
    CONSTRAINT measurements_2027_bounds CHECK (taken_at >= '2027-01-01' AND taken_at < '2028-01-01')
);

CREATE TABLE logs (id bigint NOT NULL, logged_on date NOT NULL, line text) PARTITION BY RANGE (logged_on);
CREATE TABLE logs_2025 PARTITION OF logs FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE logs_default PARTITION OF logs DEFAULT;

CREATE TABLE sessions (token text PRIMARY KEY, user_id bigint, expires_at timestamptz);
CREATE TABLE audit_log (id bigint PRIMARY KEY, actor text, action text NOT NULL, at timestamptz NOT NULL);

CREATE FUNCTION touch_last_seen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.last_seen_at := now();
    RETURN NEW;
END
$$;
CREATE TRIGGER users_touch BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION touch_last_seen();

CREATE VIEW active_users AS SELECT id, email, name FROM users WHERE is_active;
CREATE VIEW payment_totals AS SELECT order_id, sum(amount) AS amount FROM payments GROUP BY order_id;
CREATE MATERIALIZED VIEW order_totals AS SELECT user_id, sum(total) AS total FROM orders GROUP BY user_id;
CREATE UNIQUE INDEX ux_order_totals_user_id ON order_totals (user_id);

CREATE SCHEMA billing;
CREATE TABLE billing.invoices (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id integer,
    number varchar(30),
    issued_on date,
    total numeric(12, 2)
);
