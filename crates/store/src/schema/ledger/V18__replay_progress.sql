-- What came of the events of replays.
CREATE TABLE replay_progress (
    replay_id TEXT NOT NULL,
    shard     INTEGER NOT NULL,
    delivered BIGINT NOT NULL,
    failed    BIGINT NOT NULL,
    PRIMARY KEY (replay_id, shard)
) WITHOUT ROWID;
