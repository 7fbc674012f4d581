-- Files of issued invoices: who reads which. They lie apart from what instances bring, and are kept.

CREATE TABLE invoice_file (
    invoice_id uuid NOT NULL,
    format     text NOT NULL CHECK (format IN ('pdf', 'xml')),
    lead       text NOT NULL,
    service    text NOT NULL,
    sha256     text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    size       bigint NOT NULL CHECK (size > 0),
    name       text NOT NULL,
    media_type text NOT NULL,
    PRIMARY KEY (invoice_id, format),
    CHECK (lead <> service)
);
