-- Files, what keeps them stored, and who may bring and read them. The content lies in the object store.

-- What lets an instance in: the SHA-256 of its token.
CREATE TABLE access (
    instance   text PRIMARY KEY REFERENCES instance,
    token_hash bytea NOT NULL CHECK (octet_length(token_hash) = 32)
);

-- Which files an instance may send, where an operator has said so.
CREATE TABLE file_limits (
    instance      text PRIMARY KEY REFERENCES instance,
    largest_bytes bigint NOT NULL CHECK (largest_bytes >= 0),
    refused_types text[] NOT NULL
);

-- Operators give tokens and set limits. A worker's role is granted all on every table, but finds only these policies,
-- and so only reads.
ALTER TABLE access ENABLE ROW LEVEL SECURITY;
CREATE POLICY access_is_read ON access FOR SELECT USING (true);
ALTER TABLE file_limits ENABLE ROW LEVEL SECURITY;
CREATE POLICY file_limits_are_read ON file_limits FOR SELECT USING (true);

-- Content by its digest, known from before its first byte is stored, so that what a crash leaves is found and removed.
CREATE TABLE file (
    sha256         text PRIMARY KEY CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    -- How many keep it: uploads that have not lapsed, and readers of entries.
    kept_by        integer NOT NULL DEFAULT 0 CHECK (kept_by >= 0),
    cited          boolean NOT NULL DEFAULT false,
    unneeded_since timestamptz,
    -- When somebody last said that it is about to come; whether it came says an upload.
    announced_at   timestamptz NOT NULL DEFAULT '-infinity',
    -- While the courier takes it out of the store, nobody counts on it.
    removing_until timestamptz,
    CHECK ((kept_by = 0) = (unneeded_since IS NOT NULL)),
    CHECK (removing_until IS NULL OR kept_by = 0)
);
CREATE INDEX file_unneeded ON file (cited, unneeded_since) WHERE kept_by = 0;

-- An instance's newest upload of some content.
CREATE TABLE upload (
    instance    text NOT NULL,
    sha256      text NOT NULL REFERENCES file ON DELETE CASCADE,
    size        bigint NOT NULL CHECK (size >= 0),
    uploaded_at timestamptz NOT NULL,
    lapsed      boolean NOT NULL,
    PRIMARY KEY (instance, sha256)
);
CREATE INDEX upload_by_file ON upload (sha256);
CREATE INDEX upload_to_be_cited ON upload (instance) WHERE NOT lapsed;

-- What an instance is bringing at this moment, counted as large as it may become. What a crash cut off ends by itself.
CREATE TABLE transfer (
    id       uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    instance text NOT NULL,
    bytes    bigint NOT NULL CHECK (bytes >= 0),
    ends_at  timestamptz NOT NULL
);
CREATE INDEX transfer_of_instance ON transfer (instance);

-- What a reader finds under an entry. A row without a file says that there is none any more, whatever comes late.
CREATE TABLE citation (
    outsourcing_id uuid NOT NULL,
    entry_id       uuid NOT NULL,
    reader         text NOT NULL,
    version        bigint NOT NULL CHECK (version >= 1),
    sha256         text REFERENCES file,
    size           bigint CHECK (size >= 0),
    name           text,
    media_type     text,
    PRIMARY KEY (outsourcing_id, entry_id, reader),
    CHECK (num_nulls(sha256, size, name, media_type) IN (0, 4))
);
CREATE INDEX citation_by_file ON citation (sha256) WHERE sha256 IS NOT NULL;

-- What somebody may answer by a button in an e-mail: an offer (by its outsourcing) or an invitation (by its
-- partnership). What was asked is forgotten with the answer.
CREATE TABLE question (
    about              text NOT NULL CHECK (about IN ('offer', 'partnership')),
    id                 uuid NOT NULL,
    lead               text NOT NULL,
    service            text NOT NULL,
    -- Who alone may answer; none where it is whoever the notifier wrote to.
    recipient          text,
    title              text NOT NULL,
    details            jsonb,
    needs_organization boolean NOT NULL,
    needs_name         boolean NOT NULL,
    ends_at            timestamptz NOT NULL,
    state              text NOT NULL
        CHECK (state IN ('open', 'sent', 'accepted', 'declined', 'cancelled', 'expired')),
    answer             text CHECK (answer IN ('accept', 'decline')),
    answered_by        text,
    answered_at        timestamptz,
    PRIMARY KEY (about, id),
    CHECK ((details IS NOT NULL) = (state IN ('open', 'sent'))),
    CHECK ((state = 'open') = (answered_at IS NULL)),
    CHECK (state <> 'sent' OR (answer IS NOT NULL AND answered_by IS NOT NULL))
);
CREATE INDEX question_by_end ON question (ends_at);
