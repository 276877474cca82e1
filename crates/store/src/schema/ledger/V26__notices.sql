-- What the operator is to be told and is not in the log yet.
CREATE TABLE notices (
    id          TEXT NOT NULL PRIMARY KEY,
    -- Whose dispatcher sees to it.
    shard       INTEGER NOT NULL,
    endpoint_id TEXT NOT NULL,
    kind        INTEGER NOT NULL,
    noticed_at  BIGINT NOT NULL,
    data        TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX notices_by_shard ON notices (shard, id);
