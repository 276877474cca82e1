-- Ranges of the log that are sent to an endpoint once more. The filter and the positions are JSON.
CREATE TABLE replays (
    pk              BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id              TEXT COLLATE "C" NOT NULL UNIQUE,
    endpoint_id     TEXT COLLATE "C" NOT NULL,
    -- The name of its lane in the ledger.
    lane_id         TEXT COLLATE "C" NOT NULL,
    status          TEXT NOT NULL,
    filter          TEXT NOT NULL,
    after_positions TEXT NOT NULL,
    up_to_positions TEXT NOT NULL,
    rate_per_second INTEGER NOT NULL,
    total           BIGINT NOT NULL,
    created_at      BIGINT NOT NULL,
    finished_at     BIGINT
);
CREATE INDEX replays_by_endpoint ON replays (endpoint_id, pk);

-- What came of their events.
CREATE TABLE ledger.replay_progress (
    replay_id TEXT COLLATE "C" NOT NULL,
    shard     INTEGER NOT NULL,
    delivered BIGINT NOT NULL,
    failed    BIGINT NOT NULL,
    PRIMARY KEY (replay_id, shard)
);
