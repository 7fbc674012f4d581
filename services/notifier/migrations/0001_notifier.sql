-- Who at an instance is told of what, and how; no row where the instance has not said. `recipients` and `language` are
-- null where it keeps to what is known of it; what is not in `recipients_of` goes to `recipients`.

CREATE TABLE notification_settings (
    instance          text PRIMARY KEY,
    recipients        text[],
    recipients_of     jsonb NOT NULL,
    language          text,
    time_zone         text NOT NULL,
    gathering_minutes integer NOT NULL CHECK (gathering_minutes BETWEEN 0 AND 240)
);

-- What one side of an outsourcing does gathers until then, for the people of the other; and the event that began it.

CREATE TABLE gathering (
    outsourcing_id uuid NOT NULL,
    writer         text NOT NULL,
    due_at         timestamptz NOT NULL,
    cause_source   text NOT NULL,
    cause_id       uuid NOT NULL,
    PRIMARY KEY (outsourcing_id, writer)
);
CREATE INDEX gathering_due ON gathering (due_at);

-- What is to be told to whom by e-mail, and what became of it. Reader, language and time zone are those of the time of
-- the event; facts are all that the text is made of. The subject is the outsourcing, or of an invitation the partnership.

CREATE TABLE notification (
    id              uuid PRIMARY KEY,
    cause_source    text NOT NULL,
    cause_id        uuid NOT NULL,
    subject_id      uuid NOT NULL,
    kind            text NOT NULL CHECK (kind ~ '^[a-z_]+$'),
    role            text NOT NULL CHECK (role IN ('lead', 'service')),
    recipient       text NOT NULL,
    partner         text NOT NULL,
    language        text NOT NULL,
    time_zone       text NOT NULL,
    -- Null once they are forgotten, and never before.
    address         text,
    facts           jsonb,
    state           text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'sent', 'failed')),
    attempts        integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    -- The mail server's words, or what kept us from asking it.
    answer          text CHECK (length(answer) <= 1000),
    created_at      timestamptz NOT NULL DEFAULT now(),
    next_attempt_at timestamptz,
    leased_until    timestamptz,
    sent_at         timestamptz,
    failed_at       timestamptz,
    resent_at       timestamptz,
    forgotten_at    timestamptz,
    CONSTRAINT notification_once UNIQUE (cause_id, cause_source, recipient, address),
    CHECK (recipient <> partner),
    CHECK ((state = 'pending') = (next_attempt_at IS NOT NULL)),
    CHECK ((state = 'sent') = (sent_at IS NOT NULL)),
    CHECK ((state = 'failed') = (failed_at IS NOT NULL)),
    CHECK (leased_until IS NULL OR state = 'pending'),
    CHECK (state = 'pending' OR (attempts > 0 AND (answer IS NOT NULL OR forgotten_at IS NOT NULL))),
    CHECK (forgotten_at IS NULL OR state <> 'pending'),
    CHECK ((forgotten_at IS NULL) = (address IS NOT NULL)),
    CHECK ((forgotten_at IS NULL) = (facts IS NOT NULL))
);
CREATE INDEX notification_due ON notification (next_attempt_at) WHERE state = 'pending';
CREATE INDEX notification_by_subject ON notification (subject_id, created_at);
CREATE INDEX notification_by_recipient ON notification (recipient, created_at);
CREATE INDEX notification_to_forget ON notification (created_at) WHERE forgotten_at IS NULL AND state <> 'pending';
