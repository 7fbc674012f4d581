-- Agreements, partnerships and offers. The schema holds what must never be two: a living partnership of a pair, an
-- open or accepted offer of a ticket, an acceptance in a round.

CREATE TABLE agreement (
    instance    text PRIMARY KEY,
    version     text NOT NULL,
    accepted_by text NOT NULL,
    accepted_at timestamptz NOT NULL
);

CREATE TABLE partnership (
    partnership_id uuid PRIMARY KEY,
    lead           text NOT NULL,
    service        text NOT NULL,
    state          text NOT NULL CHECK (state IN ('invited', 'active', 'lapsed')),
    recipient      text NOT NULL,
    language       text NOT NULL,
    note           text NOT NULL,
    organization   text,
    invited_at     timestamptz NOT NULL,
    lapses_at      timestamptz NOT NULL CHECK (lapses_at > invited_at),
    accepted_at    timestamptz,
    CHECK (lead <> service),
    CHECK ((state = 'active') = (accepted_at IS NOT NULL)),
    CHECK (state = 'active' OR organization IS NULL)
);
CREATE UNIQUE INDEX partnership_lives_once ON partnership (lead, service) WHERE state IN ('invited', 'active');

CREATE TABLE outsourcing (
    outsourcing_id   uuid PRIMARY KEY,
    round_id         uuid NOT NULL,
    -- Checked at the end: one turn may write both.
    partnership_id   uuid NOT NULL REFERENCES partnership DEFERRABLE INITIALLY DEFERRED,
    lead             text NOT NULL,
    service          text NOT NULL,
    ticket_number    text NOT NULL,
    ticket           jsonb NOT NULL,
    terms            jsonb NOT NULL,
    state            text NOT NULL
                     CHECK (state IN ('offered', 'accepted', 'declined', 'cancelled', 'expired', 'completed')),
    respond_by       timestamptz NOT NULL CHECK (respond_by > offered_at),
    offered_at       timestamptz NOT NULL,
    answered_at      timestamptz,
    completed_at     timestamptz,
    -- Set once the deadline was told to the queue of the answers.
    deadline_told_at timestamptz,
    sent_by_source   text NOT NULL,
    sent_by_id       uuid NOT NULL,
    CHECK (lead <> service),
    CHECK ((state = 'offered') = (answered_at IS NULL)),
    CHECK ((state = 'completed') = (completed_at IS NOT NULL))
);
CREATE UNIQUE INDEX outsourcing_lives_once ON outsourcing (lead, ticket_number) WHERE state IN ('offered', 'accepted');
CREATE UNIQUE INDEX outsourcing_accepted_once ON outsourcing (round_id) WHERE state IN ('accepted', 'completed');
CREATE INDEX outsourcing_of_round ON outsourcing (round_id);
CREATE INDEX outsourcing_due ON outsourcing (respond_by) WHERE state = 'offered' AND deadline_told_at IS NULL;
