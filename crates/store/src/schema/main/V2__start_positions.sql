-- Where an endpoint starts, in each shard of the log: a JSON array.
ALTER TABLE endpoints ADD COLUMN start_positions TEXT NOT NULL DEFAULT '[]';
UPDATE endpoints SET start_positions = '[' || start_position || ']';
ALTER TABLE endpoints DROP COLUMN start_position;
