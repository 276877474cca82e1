-- Attempts at test events, which are in no log: they are found by the event's id only.
CREATE INDEX attempts_at_tests ON attempts (event_id) WHERE cause = 'test';
