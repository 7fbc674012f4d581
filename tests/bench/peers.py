"""What all contenders have in common, so that only what they do themselves differs."""

from shared.messaging.consumer import PREFETCH

__all__ = ["POOL", "PREFETCH", "SOURCE", "TABLES", "TARGET"]

SOURCE, TARGET = "bench.source", "bench.target"
# Connections to the database, where a contender keeps several.
POOL = 10
# What the framework's application stores.
TABLES = """
CREATE SCHEMA IF NOT EXISTS peer;
CREATE TABLE IF NOT EXISTS peer.inbox (
    id uuid NOT NULL, source text NOT NULL, received_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (id, source)
);
CREATE TABLE IF NOT EXISTS peer.entry (
    outsourcing_id uuid NOT NULL, entry_id uuid NOT NULL, version bigint NOT NULL, content text NOT NULL,
    PRIMARY KEY (outsourcing_id, entry_id)
);
CREATE TABLE IF NOT EXISTS peer.outbox (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, message_id uuid NOT NULL, body bytea NOT NULL,
    published_at timestamptz
);
"""
