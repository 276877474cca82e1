-- What the operator is to be told and is not in the log yet.
CREATE TABLE ledger.notices (
    id          TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    -- Whose dispatcher sees to it.
    shard       INTEGER NOT NULL,
    endpoint_id TEXT COLLATE "C" NOT NULL,
    kind        INTEGER NOT NULL,
    noticed_at  BIGINT NOT NULL,
    data        TEXT NOT NULL
);
CREATE INDEX notices_by_shard ON ledger.notices (shard, id);
