-- What is to be told to whom by e-mail, and what became of it. Language and address are those of the recipient when
-- the intent was made; facts are all that its text is made of.

CREATE TABLE notification (
    id              uuid PRIMARY KEY,
    cause_source    text NOT NULL,
    cause_id        uuid NOT NULL,
    outsourcing_id  uuid NOT NULL,
    kind            text NOT NULL CHECK (kind IN ('offered', 'accepted', 'rejected', 'approved', 'forced')),
    role            text NOT NULL CHECK (role IN ('lead', 'service')),
    recipient       text NOT NULL,
    partner         text NOT NULL,
    language        text NOT NULL,
    address         text NOT NULL,
    facts           jsonb NOT NULL,
    state           text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'sent', 'failed')),
    attempts        integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    -- The mail server's words, or what kept us from asking it.
    answer          text CHECK (length(answer) <= 1000),
    created_at      timestamptz NOT NULL DEFAULT now(),
    next_attempt_at timestamptz DEFAULT now(),
    leased_until    timestamptz,
    sent_at         timestamptz,
    failed_at       timestamptz,
    CONSTRAINT notification_once UNIQUE (cause_id, cause_source, recipient),
    CHECK (recipient <> partner),
    CHECK ((state = 'pending') = (next_attempt_at IS NOT NULL)),
    CHECK ((state = 'sent') = (sent_at IS NOT NULL)),
    CHECK ((state = 'failed') = (failed_at IS NOT NULL)),
    CHECK (leased_until IS NULL OR state = 'pending'),
    CHECK (state = 'pending' OR (attempts > 0 AND answer IS NOT NULL))
);
CREATE INDEX notification_due ON notification (next_attempt_at) WHERE state = 'pending';
CREATE INDEX notification_by_outsourcing ON notification (outsourcing_id, created_at);
