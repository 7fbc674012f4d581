-- The runtime's tables. Every service has its own, in its own schema.

-- A worker adds those that join without an installation, and no others: the kind is not its to say.
CREATE TABLE instance (
    slug      text PRIMARY KEY,
    name      text NOT NULL,
    language  text NOT NULL,
    email     text NOT NULL,
    kind      text NOT NULL DEFAULT 'portal' CHECK (kind IN ('psa', 'portal')),
    added_at  timestamptz NOT NULL DEFAULT now()
);

-- Every message that was ever taken: the same source and id never take effect twice.
CREATE TABLE inbox (
    source      text NOT NULL,
    id          uuid NOT NULL,
    sender      text NOT NULL,
    kind        text NOT NULL,
    subject     text NOT NULL,
    digest      bytea NOT NULL CHECK (octet_length(digest) = 32),
    outcome     text NOT NULL CHECK (outcome IN ('applied', 'unchanged', 'refused', 'parked', 'dropped', 'dead')),
    problem     jsonb,
    state       text,
    received_at timestamptz NOT NULL,
    PRIMARY KEY (id, source),
    CHECK (outcome <> 'refused' OR problem IS NOT NULL)
);

-- What took effect, in the words of the business: a row for every subject that an applied message changed.
CREATE TABLE history (
    cause_id     uuid NOT NULL,
    cause_source text NOT NULL,
    subject      text NOT NULL,
    actor        text NOT NULL,
    event        text NOT NULL,
    at           timestamptz NOT NULL,
    PRIMARY KEY (cause_id, cause_source, subject)
);
CREATE INDEX history_by_subject ON history (subject, at);

-- What is to be published, in this order within a lane (one recipient, or one bucket of the events), by the replica
-- that holds the shard of the subject's bucket.
-- The id of the message is the same across every retry. Causes are held by `tandem check`, not by foreign keys:
-- they would cost a look-up for every row, and the inbox is dropped by age.
CREATE TABLE outbox (
    position     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    message_id   uuid NOT NULL UNIQUE,
    lane         text NOT NULL,
    exchange     text NOT NULL,
    routing_key  text NOT NULL,
    kind         text NOT NULL,
    subject      text NOT NULL,
    bucket       text NOT NULL,
    body         bytea NOT NULL,
    headers      jsonb,
    cause_id     uuid NOT NULL,
    cause_source text NOT NULL,
    created_at   timestamptz NOT NULL,
    published_at timestamptz
);
CREATE INDEX outbox_unpublished ON outbox (lane, position) WHERE published_at IS NULL;
CREATE INDEX outbox_by_cause ON outbox (cause_id, cause_source);

-- Rows as a turn sends them, all of a table in one array: an array for every column costs it twice as much. A table's own
-- type would change with the table under a worker that is running; who adds a column adds a type.
CREATE TYPE inbox_row AS (
    id uuid, source text, sender text, kind text, subject text, digest bytea, outcome text, problem jsonb, state text
);
CREATE TYPE history_row AS (cause_id uuid, cause_source text, subject text, actor text, event text, at timestamptz);
CREATE TYPE outbox_row AS (
    message_id uuid, lane text, exchange text, routing_key text, kind text, subject text, bucket text, body bytea,
    headers jsonb, cause_id uuid, cause_source text
);

-- The replicas that share the service's work; one that has not been heard of for a while does not count.
CREATE TABLE replica (
    id           uuid PRIMARY KEY,
    name         text NOT NULL,
    seen_until   timestamptz NOT NULL
);

-- The shard queues, as `tandem migrate` has declared them, and who consumes each until when. Only the oldest generation
-- is consumed: the row of a shard that a newer generation has replaced is gone as soon as its queue is empty for good.
CREATE TABLE shard (
    generation   integer NOT NULL CHECK (generation > 0),
    number       integer NOT NULL CHECK (number >= 0),
    shards       integer NOT NULL CHECK (shards > number),
    holder       uuid,
    held_until   timestamptz,
    PRIMARY KEY (generation, number),
    CHECK ((holder IS NULL) = (held_until IS NULL))
);

-- A subject with parked messages: locked by turns and replays before any row of the business. What somebody says of
-- what is not its own waits apart, in a line that is called after it, and keeps nobody else waiting.
CREATE TABLE parked_subject (
    subject        text NOT NULL,
    apart          text NOT NULL DEFAULT '',
    status         text NOT NULL CHECK (status IN ('not_yet', 'retrying', 'stuck')),
    attempts       integer NOT NULL CHECK (attempts >= 0),
    next_attempt_at timestamptz,
    give_up_at     timestamptz,
    problem        text,
    error          text,
    parked_at      timestamptz NOT NULL,
    PRIMARY KEY (subject, apart),
    CHECK ((status = 'stuck') = (next_attempt_at IS NULL)),
    CHECK ((status = 'not_yet') = (give_up_at IS NOT NULL AND problem IS NOT NULL))
);
CREATE INDEX parked_subject_due ON parked_subject (next_attempt_at) WHERE next_attempt_at IS NOT NULL;

-- The messages that wait, in order; the first of a line is what the line's row speaks of.
CREATE TABLE parked (
    position     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subject      text NOT NULL,
    apart        text NOT NULL DEFAULT '',
    id           uuid NOT NULL,
    source       text NOT NULL,
    sender       text NOT NULL,
    kind         text NOT NULL,
    body         bytea NOT NULL,
    parked_at    timestamptz NOT NULL,
    UNIQUE (id, source),
    FOREIGN KEY (subject, apart) REFERENCES parked_subject (subject, apart)
);
CREATE INDEX parked_by_subject ON parked (subject, apart, position);
CREATE INDEX parked_by_sender ON parked (sender);
