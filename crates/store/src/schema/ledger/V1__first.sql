-- What the dispatcher learned. Losing the tail of this file means duplicates only.

-- Endpoints by number, since attempts are many. A deleted one stays as a stone, so that progress
-- that was under way when it was deleted does not bring it back.
CREATE TABLE endpoints (
    pk      INTEGER PRIMARY KEY,
    id      TEXT NOT NULL UNIQUE,
    deleted INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE lanes (
    endpoint_pk   BIGINT NOT NULL,
    shard         INTEGER NOT NULL,
    frontier      BIGINT NOT NULL,
    settled_above TEXT NOT NULL,
    breaker       TEXT NOT NULL,
    failing_since BIGINT,
    PRIMARY KEY (endpoint_pk, shard)
) WITHOUT ROWID;

CREATE TABLE parked (
    endpoint_pk    BIGINT NOT NULL,
    shard          INTEGER NOT NULL,
    subject_id     TEXT NOT NULL,
    first_position BIGINT NOT NULL,
    attempts       INTEGER NOT NULL,
    next_at        BIGINT,
    waits_for      TEXT,
    endpoint_scope INTEGER NOT NULL,
    PRIMARY KEY (endpoint_pk, shard, subject_id)
) WITHOUT ROWID;
CREATE INDEX parked_by_position ON parked (endpoint_pk, first_position);

CREATE TABLE attempts (
    pk              INTEGER PRIMARY KEY,
    endpoint_pk     BIGINT NOT NULL,
    shard           INTEGER NOT NULL,
    position        BIGINT NOT NULL,
    id              BLOB NOT NULL,
    event_id        BLOB NOT NULL,
    number          INTEGER NOT NULL,
    cause           TEXT NOT NULL,
    started_at      BIGINT NOT NULL,
    duration_ms     INTEGER NOT NULL,
    response_status INTEGER,
    error           TEXT,
    error_detail    TEXT,
    response_body   TEXT
);
CREATE INDEX attempts_by_delivery ON attempts (endpoint_pk, position, shard);

CREATE TABLE dead_letters (
    endpoint_pk BIGINT NOT NULL,
    shard       INTEGER NOT NULL,
    position    BIGINT NOT NULL,
    event_id    TEXT NOT NULL,
    subject_id  TEXT NOT NULL,
    attempts    INTEGER NOT NULL,
    died_at     BIGINT NOT NULL,
    PRIMARY KEY (endpoint_pk, position, shard)
) WITHOUT ROWID;

CREATE TABLE manual_sends (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    endpoint_pk BIGINT NOT NULL,
    shard       INTEGER,
    position    BIGINT,
    event_id    TEXT,
    body        TEXT
);

CREATE TABLE token_use (
    token_id     TEXT NOT NULL PRIMARY KEY,
    last_used_at BIGINT NOT NULL
) WITHOUT ROWID;
