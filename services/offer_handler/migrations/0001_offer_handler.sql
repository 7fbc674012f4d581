-- Agreements, partnerships and offers. The schema holds what must never be two: a living partnership of a pair, an
-- open or accepted round of a ticket, an acceptance in a round.

-- Versions of the outsourcing agreement; the one published last is in force.
CREATE TABLE agreement_version (
    version      text PRIMARY KEY,
    position     integer GENERATED ALWAYS AS IDENTITY UNIQUE,
    published_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
-- Operators publish. A worker's role is granted all on every table, but finds only this policy, and so only reads.
ALTER TABLE agreement_version ENABLE ROW LEVEL SECURITY;
CREATE POLICY agreement_version_is_read ON agreement_version FOR SELECT USING (true);
-- A fresh installation has something to accept.
INSERT INTO agreement_version (version) VALUES ('2026-01');

CREATE TABLE agreement (
    instance    text PRIMARY KEY,
    version     text NOT NULL REFERENCES agreement_version,
    accepted_by text NOT NULL,
    accepted_at timestamptz NOT NULL
);

CREATE TABLE partnership (
    partnership_id    uuid PRIMARY KEY,
    lead              text NOT NULL,
    service           text NOT NULL,
    state             text NOT NULL CHECK (state IN ('invited', 'active', 'declined', 'revoked', 'lapsed', 'ended')),
    recipient         text NOT NULL,
    language          text NOT NULL,
    note              text NOT NULL,
    organization      text,
    -- When the invitation was sent last, and the message that did it.
    invited_at        timestamptz NOT NULL,
    invited_by_source text NOT NULL,
    invited_by_id     uuid NOT NULL,
    resends           integer NOT NULL CHECK (resends >= 0),
    lapses_at         timestamptz NOT NULL CHECK (lapses_at > invited_at),
    -- When an open invitation lapses; null from when it falls due until its message is decided.
    next_due_at       timestamptz CHECK (next_due_at = lapses_at),
    accepted_at       timestamptz,
    closed_at         timestamptz,
    ended_at          timestamptz,
    CHECK (lead <> service),
    CHECK (next_due_at IS NULL OR state = 'invited'),
    CHECK ((state IN ('active', 'ended')) = (accepted_at IS NOT NULL)),
    CHECK ((state IN ('declined', 'revoked', 'lapsed')) = (closed_at IS NOT NULL)),
    CHECK ((state = 'ended') = (ended_at IS NOT NULL)),
    CHECK (accepted_at IS NOT NULL OR organization IS NULL)
);
CREATE UNIQUE INDEX partnership_lives_once ON partnership (lead, service) WHERE state IN ('invited', 'active');
CREATE INDEX partnership_due ON partnership (next_due_at) WHERE next_due_at IS NOT NULL;

-- How many invitations a lead has had sent to one address, in the day that began with the first of them.
CREATE TABLE addressee (
    lead        text NOT NULL,
    address     text NOT NULL,
    since       timestamptz NOT NULL,
    invitations integer NOT NULL CHECK (invitations > 0),
    PRIMARY KEY (lead, address)
);

-- One send of a ticket; its lock stands for its outsourcings too. `standing` follows from their states.
CREATE TABLE round (
    round_id       uuid PRIMARY KEY,
    lead           text NOT NULL,
    mode           text NOT NULL CHECK (mode IN ('all_at_once', 'one_after_another')),
    ticket_number  text NOT NULL,
    ticket         jsonb NOT NULL,
    terms          jsonb NOT NULL,
    standing       text NOT NULL CHECK (standing IN ('open', 'accepted', 'closed')),
    sent_at        timestamptz NOT NULL,
    sent_by_source text NOT NULL,
    sent_by_id     uuid NOT NULL,
    -- The outsourcing that the lead holds as a service partner and passes on; told to nobody.
    derived_from   uuid
);
CREATE UNIQUE INDEX round_lives_once ON round (lead, ticket_number) WHERE standing <> 'closed';

-- Who the work is for: read only when somebody accepts.
CREATE TABLE hidden_customer (
    round_id uuid PRIMARY KEY,
    customer jsonb NOT NULL
);

CREATE TABLE outsourcing (
    outsourcing_id   uuid PRIMARY KEY,
    round_id         uuid NOT NULL,
    place            integer NOT NULL CHECK (place >= 0),
    -- Checked at the end: one turn may write all of them.
    partnership_id   uuid NOT NULL REFERENCES partnership DEFERRABLE INITIALLY DEFERRED,
    lead             text NOT NULL,
    service          text NOT NULL,
    state            text NOT NULL CHECK (state IN ('planned', 'offered', 'accepted', 'declined', 'cancelled',
                                                    'expired', 'returned', 'completed')),
    -- The message by which the partner was asked.
    asked_by_source  text,
    asked_by_id      uuid,
    offered_at       timestamptz,
    respond_by       timestamptz,
    -- The next reminder, or the deadline; null from when it falls due until its message is decided.
    next_due_at      timestamptz,
    answered_at      timestamptz,
    ended_at         timestamptz,
    UNIQUE (round_id, place),
    UNIQUE (round_id, partnership_id),
    CHECK (lead <> service),
    CHECK (respond_by > offered_at),
    CHECK ((state = 'planned') = (offered_at IS NULL)),
    CHECK (num_nulls(asked_by_source, asked_by_id, offered_at, respond_by) IN (0, 4)),
    CHECK ((state IN ('planned', 'offered')) = (answered_at IS NULL)),
    CHECK ((state IN ('returned', 'completed')) = (ended_at IS NOT NULL)),
    CHECK (next_due_at IS NULL OR state = 'offered')
);
CREATE UNIQUE INDEX outsourcing_accepted_once ON outsourcing (round_id)
    WHERE state IN ('accepted', 'returned', 'completed');
CREATE INDEX outsourcing_due ON outsourcing (next_due_at) WHERE next_due_at IS NOT NULL;
CREATE INDEX outsourcing_of_partnership ON outsourcing (partnership_id) WHERE state IN ('planned', 'offered', 'accepted');
CREATE INDEX outsourcing_given ON outsourcing (lead, state);
CREATE INDEX outsourcing_received ON outsourcing (service, state);
