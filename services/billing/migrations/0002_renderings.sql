-- The files of issued invoices: which are still to be made, and what was made. The files lie in the object store.

CREATE TABLE rendering (
    invoice_id      uuid PRIMARY KEY REFERENCES invoice (id),
    cause_source    text NOT NULL,
    cause_id        uuid NOT NULL,
    attempts        integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    -- What went wrong last.
    problem         text CHECK (length(problem) <= 1000),
    created_at      timestamptz NOT NULL DEFAULT now(),
    next_attempt_at timestamptz DEFAULT now(),
    leased_until    timestamptz,
    rendered_at     timestamptz,
    CHECK ((rendered_at IS NULL) = (next_attempt_at IS NOT NULL)),
    CHECK (leased_until IS NULL OR rendered_at IS NULL),
    CHECK (rendered_at IS NULL OR (attempts > 0 AND problem IS NULL))
);
CREATE INDEX rendering_due ON rendering (next_attempt_at) WHERE rendered_at IS NULL;

CREATE TABLE invoice_file (
    invoice_id uuid NOT NULL REFERENCES invoice (id),
    format     text NOT NULL CHECK (format IN ('pdf', 'xml')),
    name       text NOT NULL,
    media_type text NOT NULL,
    size       bigint NOT NULL CHECK (size > 0),
    sha256     text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    PRIMARY KEY (invoice_id, format)
);
CREATE TRIGGER invoice_file_never_changes BEFORE UPDATE OR DELETE OR TRUNCATE ON invoice_file
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_issued();
