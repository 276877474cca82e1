-- What the dispatchers and the relays learned. Losing the last moments of it means duplicates only.
CREATE SCHEMA ledger;

-- Endpoints by number, since attempts are many. A deleted one stays as a stone, so that progress
-- that was under way when it was deleted does not bring it back.
CREATE TABLE ledger.endpoints (
    pk      BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id      TEXT COLLATE "C" NOT NULL UNIQUE,
    deleted INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE ledger.lanes (
    endpoint_pk   BIGINT NOT NULL,
    shard         INTEGER NOT NULL,
    frontier      BIGINT NOT NULL,
    settled_above TEXT NOT NULL,
    breaker       TEXT NOT NULL,
    failing_since BIGINT,
    PRIMARY KEY (endpoint_pk, shard)
) WITH (fillfactor = 50);
CREATE INDEX lanes_by_shard ON ledger.lanes (shard, endpoint_pk);

CREATE TABLE ledger.parked (
    endpoint_pk    BIGINT NOT NULL,
    shard          INTEGER NOT NULL,
    subject_id     TEXT COLLATE "C" NOT NULL,
    first_position BIGINT NOT NULL,
    attempts       BIGINT NOT NULL,
    next_at        BIGINT,
    waits_for      TEXT COLLATE "C",
    endpoint_scope INTEGER NOT NULL,
    PRIMARY KEY (endpoint_pk, shard, subject_id)
);
CREATE INDEX parked_by_position ON ledger.parked (endpoint_pk, first_position);

CREATE TABLE ledger.attempts (
    pk              BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    endpoint_pk     BIGINT NOT NULL,
    shard           INTEGER NOT NULL,
    position        BIGINT NOT NULL,
    id              BYTEA NOT NULL,
    event_id        BYTEA NOT NULL,
    number          BIGINT NOT NULL,
    cause           TEXT COLLATE "C" NOT NULL,
    started_at      BIGINT NOT NULL,
    duration_ms     BIGINT NOT NULL,
    response_status INTEGER,
    error           TEXT COLLATE "C",
    error_detail    TEXT,
    response_body   TEXT
);
CREATE INDEX attempts_by_delivery ON ledger.attempts (endpoint_pk, shard, position);
-- Attempts at test events, which are in no log: they are found by the event's id only.
CREATE INDEX attempts_at_tests ON ledger.attempts (event_id) WHERE cause = 'test';

CREATE TABLE ledger.dead_letters (
    endpoint_pk BIGINT NOT NULL,
    shard       INTEGER NOT NULL,
    position    BIGINT NOT NULL,
    event_id    TEXT COLLATE "C" NOT NULL,
    subject_id  TEXT COLLATE "C" NOT NULL,
    attempts    BIGINT NOT NULL,
    died_at     BIGINT NOT NULL,
    PRIMARY KEY (endpoint_pk, position, shard)
);
CREATE INDEX dead_letters_by_event ON ledger.dead_letters (endpoint_pk, event_id);

CREATE TABLE ledger.manual_sends (
    id          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    endpoint_pk BIGINT NOT NULL,
    -- Whose dispatcher makes it.
    shard       INTEGER NOT NULL,
    position    BIGINT,
    event_id    TEXT COLLATE "C",
    body        TEXT
);
CREATE INDEX manual_sends_by_shard ON ledger.manual_sends (shard, id);
CREATE INDEX manual_sends_by_endpoint ON ledger.manual_sends (endpoint_pk, shard, position);

CREATE TABLE ledger.token_use (
    token_id     TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    last_used_at BIGINT NOT NULL
) WITH (fillfactor = 50);

-- One row. It grows when a manual send is asked for, and when the outcome of one is saved, so that
-- the other processes can see it without looking through the tables.
CREATE TABLE ledger.signals (
    manual   BIGINT NOT NULL,
    outcomes BIGINT NOT NULL
) WITH (fillfactor = 10);
INSERT INTO ledger.signals (manual, outcomes) VALUES (0, 0);

-- Which process dispatches a shard. The second key makes a change of the epoch a change of a key,
-- for which those wait who hold the row FOR KEY SHARE, and a renewal none.
CREATE TABLE ledger.shards (
    shard      INTEGER NOT NULL PRIMARY KEY,
    epoch      BIGINT NOT NULL,
    holder     TEXT COLLATE "C",
    expires_at BIGINT NOT NULL,
    -- Of the configuration: the one that the holder has applied.
    revision   BIGINT NOT NULL DEFAULT 0,
    UNIQUE (shard, epoch)
) WITH (fillfactor = 10);

-- Which process publishes a shard's events to the feed, and up to where it has. A new token is given
-- with each change of hands.
CREATE TABLE ledger.relays (
    shard      INTEGER NOT NULL PRIMARY KEY,
    token      BIGINT NOT NULL,
    holder     TEXT COLLATE "C",
    expires_at BIGINT NOT NULL,
    published  BIGINT NOT NULL
) WITH (fillfactor = 10);

-- The relays that live, also those that have no shard.
CREATE TABLE ledger.relay_holders (
    holder     TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    expires_at BIGINT NOT NULL
) WITH (fillfactor = 10);
