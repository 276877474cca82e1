-- A test send has a shard too: that of the dispatcher which makes it.
UPDATE manual_sends SET shard = 0 WHERE shard IS NULL;
CREATE INDEX manual_sends_by_shard ON manual_sends (shard, id);
CREATE INDEX manual_sends_by_endpoint ON manual_sends (endpoint_pk, shard, position);

-- Up to where a shard's events are on the public feed.
CREATE TABLE relays (
    shard     INTEGER NOT NULL PRIMARY KEY,
    published BIGINT NOT NULL
) WITHOUT ROWID;
