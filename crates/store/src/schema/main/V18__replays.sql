-- Ranges of the log that are sent to an endpoint once more. The filter and the positions are JSON.
CREATE TABLE replays (
    pk              INTEGER PRIMARY KEY,
    id              TEXT NOT NULL UNIQUE,
    endpoint_id     TEXT NOT NULL,
    -- The name of its lane in the ledger.
    lane_id         TEXT NOT NULL,
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
