-- What approved work costs, and the invoices issued for it.

CREATE TABLE billing_settings (
    instance      text PRIMARY KEY,
    legal_name    text NOT NULL,
    address       text[] NOT NULL CHECK (cardinality(address) BETWEEN 1 AND 6),
    country       text NOT NULL CHECK (country ~ '^[A-Z]{2}$'),
    vat_id        text,
    tax_rate      numeric(5, 2) NOT NULL CHECK (tax_rate BETWEEN 0 AND 100),
    number_prefix text NOT NULL,
    payment_days  integer NOT NULL CHECK (payment_days BETWEEN 0 AND 365)
);

-- One row for every outsourcing that was completed, also where nothing is billed.
CREATE TABLE bill (
    outsourcing_id uuid PRIMARY KEY,
    lead           text NOT NULL,
    service        text NOT NULL,
    lead_number    text NOT NULL,
    service_number text,
    title          text NOT NULL,
    organization   text NOT NULL,
    currency       text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    opened_at      timestamptz NOT NULL DEFAULT now(),
    CHECK (lead <> service)
);
CREATE INDEX bill_by_lead ON bill (service, lead);

CREATE TABLE item (
    outsourcing_id uuid NOT NULL REFERENCES bill (outsourcing_id),
    position       integer NOT NULL CHECK (position > 0),
    sort           text NOT NULL CHECK (sort IN ('time', 'flat_fee', 'charge', 'deduction', 'surcharge')),
    entry_id       uuid,
    description    text NOT NULL,
    happened_on    date,
    author         text,
    role           text,
    quantity       numeric NOT NULL CHECK (quantity >= 0 OR sort = 'deduction'),
    unit           text NOT NULL CHECK (unit IN ('hour', 'piece')),
    unit_price     numeric NOT NULL,
    amount         numeric NOT NULL,
    billable       boolean NOT NULL,
    state          text NOT NULL CHECK (state IN ('open', 'posted', 'invoiced')),
    PRIMARY KEY (outsourcing_id, position),
    CHECK (billable OR amount = 0),
    CHECK (sort IN ('time', 'charge') OR billable),
    CHECK ((sort IN ('time', 'charge')) = (entry_id IS NOT NULL))
);

-- The counter an issuer's numbers come from; locked by the turn that issues, so numbers have neither gap nor double.
CREATE TABLE number_series (
    issuer text NOT NULL,
    year   integer NOT NULL CHECK (year BETWEEN 2000 AND 9999),
    last   integer NOT NULL CHECK (last >= 0),
    PRIMARY KEY (issuer, year)
);

-- The document as it was issued, word for word.
CREATE TABLE invoice (
    id             uuid PRIMARY KEY,
    outsourcing_id uuid NOT NULL REFERENCES bill (outsourcing_id),
    lead           text NOT NULL,
    service        text NOT NULL,
    series_year    integer NOT NULL,
    series_number  integer NOT NULL CHECK (series_number > 0),
    number         text NOT NULL,
    issued_on      date NOT NULL,
    currency       text NOT NULL,
    net_total      numeric NOT NULL,
    total          numeric NOT NULL,
    document       jsonb NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT invoice_once UNIQUE (outsourcing_id),
    CONSTRAINT invoice_number_once UNIQUE (service, number),
    CONSTRAINT invoice_series_once UNIQUE (service, series_year, series_number),
    CHECK (lead <> service)
);
CREATE INDEX invoice_by_lead ON invoice (lead, issued_on);

-- An issued invoice never changes, whoever tries.
CREATE FUNCTION refuse_change_of_issued() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'an issued invoice never changes' USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER invoice_never_changes BEFORE UPDATE OR DELETE OR TRUNCATE ON invoice
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_issued();
