-- Applications that pull events, and the place up to which each has handled them (JSON).
CREATE TABLE consumers (
    pk         INTEGER PRIMARY KEY,
    name       TEXT NOT NULL UNIQUE,
    positions  TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
