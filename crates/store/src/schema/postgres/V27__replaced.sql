-- Events that are not sent because a later one of their subject stands for them.
CREATE TABLE ledger.replaced (
    endpoint_pk BIGINT NOT NULL,
    shard       INTEGER NOT NULL,
    position    BIGINT NOT NULL,
    replaced_by BIGINT NOT NULL,
    PRIMARY KEY (endpoint_pk, position, shard)
);

-- The sequences of the events that the first unsettled one stands for: a JSON array.
ALTER TABLE ledger.parked ADD COLUMN replaces TEXT NOT NULL DEFAULT '[]';
