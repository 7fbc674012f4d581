-- Linked tickets, their entries and submissions. Every turn locks the link before anything else of its outsourcing,
-- so the link's lock stands for all rows that carry its id; foreign keys on hot tables would only repeat that at a price.

CREATE TABLE link (
    outsourcing_id    uuid PRIMARY KEY,
    lead              text NOT NULL,
    service           text NOT NULL,
    state             text NOT NULL
                      CHECK (state IN ('accepted', 'in_progress', 'awaiting_approval', 'completed', 'returned')),
    currency          text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    lead_number       text NOT NULL,
    service_number    text,
    snapshot_id       uuid,
    -- How many entries there are, tombstones included; the last place given out in the line of what waits, and how far
    -- that has been passed on.
    -- Ten thousand, and what Tandem itself adds.
    entry_count       integer NOT NULL CHECK (entry_count BETWEEN 0 AND 10001),
    last_place        bigint NOT NULL,
    passed_place      bigint NOT NULL CHECK (passed_place BETWEEN 0 AND last_place),
    accepted_at       timestamptz NOT NULL,
    opened_at         timestamptz,
    submitted_at      timestamptz,
    completed_at      timestamptz,
    returned_at       timestamptz,
    reminded_at       timestamptz,
    -- When to look whether the ticket is open by now, and once it is, when to tell both sides what they should hold; and
    -- the message that said that this is to be done.
    next_due_at       timestamptz,
    due_set_by_source text,
    due_set_by_id     uuid,
    -- The outsourcing that the lead holds as a service partner and passes on with this one; told to nobody.
    derived_from      uuid,
    -- Since when what one side does gathers, until the people of the other are told of it.
    lead_news_since    timestamptz,
    service_news_since timestamptz,
    CHECK (lead <> service),
    CHECK ((service_number IS NULL) = (opened_at IS NULL)),
    CHECK ((snapshot_id IS NULL) = (submitted_at IS NULL)),
    CHECK (state <> 'accepted' OR (opened_at IS NULL AND snapshot_id IS NULL)),
    CHECK (state <> 'in_progress' OR (opened_at IS NOT NULL AND snapshot_id IS NULL)),
    CHECK (state <> 'awaiting_approval' OR (opened_at IS NOT NULL AND snapshot_id IS NOT NULL)),
    CHECK (state <> 'returned' OR snapshot_id IS NULL),
    CHECK ((state = 'completed') = (completed_at IS NOT NULL)),
    CHECK ((state = 'returned') = (returned_at IS NOT NULL)),
    CHECK (next_due_at IS NULL OR (state NOT IN ('completed', 'returned') AND due_set_by_id IS NOT NULL)),
    CHECK ((due_set_by_source IS NULL) = (due_set_by_id IS NULL)),
    CHECK (state NOT IN ('completed', 'returned') OR (lead_news_since IS NULL AND service_news_since IS NULL))
) WITH (fillfactor = 50); -- counted up with every new entry: room for that on the same page
CREATE TYPE link_row AS (
    outsourcing_id uuid, lead text, service text, state text, currency text, lead_number text, accepted_at timestamptz,
    service_number text, opened_at timestamptz, snapshot_id uuid, submitted_at timestamptz, completed_at timestamptz,
    returned_at timestamptz, entry_count integer, last_place bigint, passed_place bigint, reminded_at timestamptz,
    next_due_at timestamptz, due_set_by_source text, due_set_by_id uuid, derived_from uuid, lead_news_since timestamptz,
    service_news_since timestamptz
);
CREATE INDEX link_unopened ON link (next_due_at) WHERE next_due_at IS NOT NULL AND state = 'accepted';
CREATE INDEX link_undigested ON link (next_due_at) WHERE next_due_at IS NOT NULL AND state <> 'accepted';

-- What both sides agreed on: written once when the offer is accepted, read again when the work is completed.
CREATE TABLE agreed (
    outsourcing_id uuid PRIMARY KEY REFERENCES link,
    accepted       jsonb NOT NULL
);

-- What was worked against the authorized amounts, where there are any; `told` are the thresholds that both sides were
-- warned of, a blank between them. It is never negative: what is taken away was added before.
CREATE TABLE effort (
    outsourcing_id uuid PRIMARY KEY,
    title          text NOT NULL,
    terms          jsonb NOT NULL,
    hours          numeric NOT NULL CHECK (hours >= 0),
    charges        numeric NOT NULL CHECK (charges >= 0),
    cost           numeric NOT NULL CHECK (cost >= 0),
    told           text NOT NULL
) WITH (fillfactor = 70); -- counted up with every entry: room for that on the same page

-- One row per entry, its newest version only. `content` is the owner's JSON word for word: the same version with
-- other content is found by comparing it, and jsonb would neither keep it so nor take every text. A tombstone has none.
CREATE TABLE entry (
    outsourcing_id uuid NOT NULL,
    entry_id       uuid NOT NULL,
    owner          text NOT NULL,
    version        bigint NOT NULL CHECK (version >= 1),
    kind           text CHECK (kind IN ('note', 'time', 'charge', 'attachment', 'link')),
    visibility     text NOT NULL CHECK (visibility IN ('shared', 'internal')),
    content        text,
    travel         text NOT NULL CHECK (travel IN ('local', 'waiting', 'delivered', 'held', 'released', 'kept_local',
                                                   'severed')),
    -- The version that the other side's copy is at, null where it has none; and what the copy says while a newer version
    -- is not to arrive.
    copy_version   bigint CHECK (copy_version <= version),
    copy_content   text,
    -- The version with which the other side's copy went, where it has.
    withdrawn_version bigint CHECK (withdrawn_version <= version),
    -- The place in line of what waits for the ticket, for the approval or behind others.
    place          bigint,
    -- Of the copy: whether it arrived after an approval that did not come.
    added_during_approval boolean NOT NULL,
    -- Where it had been before its owner passed it on, from its origin on: slugs, a blank between them.
    path           text,
    -- When the other side was last told of it, and since when its copy is there.
    told_at        timestamptz,
    copied_at      timestamptz,
    PRIMARY KEY (outsourcing_id, entry_id),
    -- An owner calls two entries by two names, whatever tickets they are on; another owner may use the same.
    UNIQUE (entry_id, owner),
    CHECK (content IS NULL OR kind IS NOT NULL),
    CHECK (copy_version IS NULL OR withdrawn_version IS NULL),
    CHECK ((copy_content IS NOT NULL) = (travel IN ('waiting', 'held', 'kept_local') AND copy_version IS NOT NULL)),
    CHECK ((travel IN ('waiting', 'held')) = (place IS NOT NULL)),
    CHECK (travel <> 'local' OR copy_version IS NULL),
    CHECK (NOT added_during_approval OR copy_version IS NOT NULL),
    CHECK (travel NOT IN ('waiting', 'held', 'kept_local') OR copy_version IS NULL OR copy_version < version),
    CHECK (travel NOT IN ('delivered', 'released') OR copy_version IS NULL OR copy_version = version),
    CHECK (travel <> 'severed' OR copy_version IS NOT NULL),
    CHECK (copied_at IS NULL OR copy_version IS NOT NULL)
) WITH (fillfactor = 85, toast_tuple_target = 4096); -- notes of a few thousand bytes stay in the row, uncompressed
CREATE TYPE entry_row AS (
    outsourcing_id uuid, entry_id uuid, owner text, version bigint, kind text, visibility text, content text, travel text,
    copy_version bigint, copy_content text, withdrawn_version bigint, place bigint, added_during_approval boolean,
    path text, told_at timestamptz, copied_at timestamptz
);
CREATE INDEX entry_in_line ON entry (outsourcing_id, place) WHERE place IS NOT NULL;

-- Which files an instance may send, where an operator has said so; workers only read it.
CREATE TABLE file_limits (
    instance      text PRIMARY KEY REFERENCES instance,
    largest_bytes bigint NOT NULL CHECK (largest_bytes >= 0),
    refused_types text[] NOT NULL
);
ALTER TABLE file_limits ENABLE ROW LEVEL SECURITY;
CREATE POLICY file_limits_are_read ON file_limits FOR SELECT USING (true);

-- What an instance uploaded and may still cite; and the message that told of it.
CREATE TABLE upload (
    instance       text NOT NULL,
    sha256         text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    size           bigint NOT NULL CHECK (size >= 0),
    media_type     text NOT NULL,
    uploaded_at    timestamptz NOT NULL,
    lapses_at      timestamptz NOT NULL,
    told_by_source text NOT NULL,
    told_by_id     uuid NOT NULL,
    PRIMARY KEY (instance, sha256)
);
CREATE INDEX upload_lapsing ON upload (lapses_at);

-- The work as it was submitted, or as it was when it was ended by force; never changed. The link says which one awaits
-- approval, or that it ended with.
CREATE TABLE snapshot (
    snapshot_id    uuid PRIMARY KEY,
    outsourcing_id uuid NOT NULL REFERENCES link,
    content        jsonb NOT NULL,
    submitted_by   text NOT NULL,
    submitted_at   timestamptz NOT NULL
);
CREATE INDEX snapshot_by_outsourcing ON snapshot (outsourcing_id, submitted_at);

-- The first changes of the fields of one side's ticket that gather, with their times, and how many there are.
CREATE TABLE noted_change (
    outsourcing_id uuid NOT NULL REFERENCES link,
    writer         text NOT NULL,
    changes        jsonb NOT NULL,
    count          integer NOT NULL CHECK (count >= 0),
    PRIMARY KEY (outsourcing_id, writer)
);

-- What is still to be told again to one side after the piece that is on its way; empty when that was the last one.
CREATE TABLE repair (
    outsourcing_id uuid NOT NULL REFERENCES link,
    side           text NOT NULL,
    repair_id      uuid NOT NULL,
    begun_at       timestamptz NOT NULL,
    entry_ids      uuid[] NOT NULL,
    PRIMARY KEY (outsourcing_id, side)
);
