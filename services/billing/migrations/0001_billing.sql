-- What work costs, and the invoices issued for it.

-- What an instance said last, word for word.
CREATE TABLE billing_settings (
    instance text PRIMARY KEY,
    data     jsonb NOT NULL
);

-- When the month is over of one who bills some lead monthly, and the message that said so; null where nobody is.
CREATE TABLE period (
    issuer        text PRIMARY KEY REFERENCES billing_settings,
    ends_at       timestamptz,
    set_by_source text NOT NULL,
    set_by_id     uuid NOT NULL
);
CREATE INDEX period_over ON period (ends_at) WHERE ends_at IS NOT NULL;

-- Which local company stands for a lead at a service partner, where it was corrected.
CREATE TABLE mapping (
    service      text NOT NULL,
    lead         text NOT NULL,
    organization text NOT NULL,
    PRIMARY KEY (service, lead)
);

-- One row for every outsourcing that was completed, also where nothing is billed, and for every one that came back with
-- work on it.
CREATE TABLE bill (
    outsourcing_id uuid PRIMARY KEY,
    lead           text NOT NULL,
    service        text NOT NULL,
    lead_number    text NOT NULL,
    service_number text,
    title          text NOT NULL,
    organization   text NOT NULL,
    terms          jsonb NOT NULL,
    ended_on       date NOT NULL,
    -- Was due once and could not be invoiced: a collection looks at it last.
    held_up        boolean NOT NULL DEFAULT false,
    CHECK (lead <> service)
);
CREATE INDEX bill_by_pair ON bill (service, lead);

-- The counter an issuer's numbers come from, of a pattern and, where that names the year, of one; locked by the turn that
-- issues, by way of the issuer's settings, so numbers have neither gap nor double.
CREATE TABLE number_series (
    issuer text NOT NULL,
    name   text NOT NULL,
    year   integer NOT NULL CHECK (year = 0 OR year BETWEEN 2000 AND 9999),
    last   integer NOT NULL CHECK (last >= 0),
    PRIMARY KEY (issuer, name, year)
);

-- The document as it was issued, word for word. What it says of itself stands beside it for those who look it up.
CREATE TABLE invoice (
    id             uuid PRIMARY KEY,
    lead           text NOT NULL,
    service        text NOT NULL,
    kind           text NOT NULL CHECK (kind IN ('invoice', 'credit_note')),
    cancels_id     uuid REFERENCES invoice,
    series         text NOT NULL,
    series_year    integer NOT NULL,
    series_number  integer NOT NULL CHECK (series_number > 0),
    number         text NOT NULL,
    issued_on      date NOT NULL,
    currency       text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    net_total      numeric NOT NULL,
    total          numeric NOT NULL,
    document       jsonb NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT invoice_number_once UNIQUE (service, number),
    CONSTRAINT invoice_series_once UNIQUE (service, series, series_year, series_number),
    CHECK (lead <> service),
    CHECK ((kind = 'credit_note') = (cancels_id IS NOT NULL))
);
CREATE INDEX invoice_by_lead ON invoice (lead, issued_on);

CREATE TABLE item (
    outsourcing_id uuid NOT NULL REFERENCES bill,
    position       integer NOT NULL CHECK (position > 0),
    sort           text NOT NULL CHECK (sort IN ('time', 'flat_fee', 'charge', 'deduction', 'surcharge')),
    entry_id       uuid,
    description    text NOT NULL,
    happened_on    date,
    author         text,
    role           text,
    work_type      text,
    quantity       numeric NOT NULL CHECK (quantity >= 0 OR sort = 'deduction'),
    unit           text NOT NULL CHECK (unit IN ('hour', 'piece')),
    unit_price     numeric NOT NULL CHECK (unit_price >= 0),
    amount         numeric NOT NULL,
    billable       boolean NOT NULL,
    -- `asked` waits for the lead's word.
    state          text NOT NULL CHECK (state IN ('asked', 'declined', 'open', 'posted', 'invoiced')),
    adjusted_for   text,
    -- The invoice it stands on: none, or one, until that is cancelled.
    invoice_id     uuid REFERENCES invoice,
    PRIMARY KEY (outsourcing_id, position),
    CHECK (billable OR amount = 0),
    CHECK (sort IN ('time', 'charge') OR billable),
    CHECK ((sort IN ('time', 'charge')) = (entry_id IS NOT NULL)),
    CHECK ((state = 'invoiced') = (invoice_id IS NOT NULL))
);
CREATE INDEX item_posted ON item (outsourcing_id) WHERE state = 'posted';

-- An issued invoice never changes, whoever tries.
CREATE FUNCTION refuse_change_of_issued() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'an issued invoice never changes' USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER invoice_never_changes BEFORE UPDATE OR DELETE OR TRUNCATE ON invoice
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_issued();
