-- The record of everything. Times are microseconds since 1970, JSON is text, ids are text with
-- their prefix. A secondary key `directory_pk` is a directory's `pk`: its row is never removed.

CREATE TABLE meta (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);
INSERT INTO meta (name, value) VALUES ('shards', '1');

CREATE TABLE organizations (
    pk          INTEGER PRIMARY KEY,
    id          TEXT NOT NULL UNIQUE,
    external_id TEXT UNIQUE,
    name        TEXT NOT NULL,
    created_at  BIGINT NOT NULL
);

CREATE TABLE directories (
    pk              INTEGER PRIMARY KEY,
    id              TEXT NOT NULL UNIQUE,
    organization_id TEXT NOT NULL,
    name            TEXT NOT NULL,
    provider        TEXT NOT NULL,
    state           TEXT NOT NULL,
    mode            TEXT NOT NULL,
    created_at      BIGINT NOT NULL,
    -- The last sequence given, and the number of events about the directory itself.
    sequence        BIGINT NOT NULL DEFAULT 0,
    event_version   BIGINT NOT NULL DEFAULT 0,
    user_count      BIGINT NOT NULL DEFAULT 0,
    group_count     BIGINT NOT NULL DEFAULT 0,
    -- 1 once the rows of a deleted directory are all removed.
    purged          INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX directories_by_organization ON directories (organization_id);

CREATE TABLE tokens (
    pk              INTEGER PRIMARY KEY,
    id              TEXT NOT NULL UNIQUE,
    directory_id    TEXT NOT NULL,
    sha256          BLOB NOT NULL UNIQUE,
    last_characters TEXT NOT NULL,
    created_at      BIGINT NOT NULL,
    expires_at      BIGINT
);
CREATE INDEX tokens_by_directory ON tokens (directory_id);

CREATE TABLE api_keys (
    pk              INTEGER PRIMARY KEY,
    sha256          BLOB NOT NULL UNIQUE,
    last_characters TEXT NOT NULL,
    created_at      BIGINT NOT NULL
);

CREATE TABLE endpoints (
    pk              INTEGER PRIMARY KEY,
    id              TEXT NOT NULL UNIQUE,
    url             TEXT NOT NULL,
    description     TEXT,
    -- The scope: neither means every live directory.
    organization_id TEXT,
    directory_id    TEXT,
    event_types     TEXT NOT NULL,
    format          TEXT NOT NULL,
    retry_schedule  TEXT NOT NULL,
    timeout_seconds INTEGER NOT NULL,
    on_exhausted    TEXT NOT NULL,
    headers         TEXT NOT NULL,
    state           TEXT NOT NULL,
    state_reason    TEXT,
    start_position  BIGINT NOT NULL,
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL
);

CREATE TABLE endpoint_secrets (
    pk          INTEGER PRIMARY KEY,
    endpoint_id TEXT NOT NULL,
    -- Which master key sealed it.
    key_id      TEXT NOT NULL,
    sealed      BLOB NOT NULL,
    created_at  BIGINT NOT NULL,
    expires_at  BIGINT
);
CREATE INDEX endpoint_secrets_by_endpoint ON endpoint_secrets (endpoint_id);

CREATE TABLE users (
    pk            INTEGER PRIMARY KEY,
    directory_pk  BIGINT NOT NULL,
    id            TEXT NOT NULL,
    -- Folded: what makes two userNames the same.
    user_name_key TEXT NOT NULL,
    user_name     TEXT NOT NULL,
    external_id   TEXT,
    display_name  TEXT,
    email         TEXT,
    active        INTEGER NOT NULL,
    version       BIGINT NOT NULL,
    event_version BIGINT NOT NULL,
    created_at    BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL,
    document      TEXT NOT NULL
);
CREATE UNIQUE INDEX users_by_id ON users (id);
CREATE UNIQUE INDEX users_by_user_name ON users (directory_pk, user_name_key);
CREATE INDEX users_by_creation ON users (directory_pk, pk);
CREATE INDEX users_by_external_id ON users (directory_pk, external_id) WHERE external_id IS NOT NULL;

CREATE TABLE user_emails (
    user_pk      BIGINT NOT NULL,
    value_key    TEXT NOT NULL,
    directory_pk BIGINT NOT NULL,
    PRIMARY KEY (user_pk, value_key)
) WITHOUT ROWID;
CREATE INDEX user_emails_by_value ON user_emails (directory_pk, value_key);

CREATE TABLE groups (
    pk               INTEGER PRIMARY KEY,
    directory_pk     BIGINT NOT NULL,
    id               TEXT NOT NULL,
    display_name_key TEXT NOT NULL,
    display_name     TEXT NOT NULL,
    external_id      TEXT,
    member_count     BIGINT NOT NULL,
    version          BIGINT NOT NULL,
    event_version    BIGINT NOT NULL,
    created_at       BIGINT NOT NULL,
    updated_at       BIGINT NOT NULL,
    document         TEXT NOT NULL
);
CREATE UNIQUE INDEX groups_by_id ON groups (id);
CREATE INDEX groups_by_display_name ON groups (directory_pk, display_name_key);
CREATE INDEX groups_by_creation ON groups (directory_pk, pk);
CREATE INDEX groups_by_external_id ON groups (directory_pk, external_id) WHERE external_id IS NOT NULL;

CREATE TABLE members (
    pk           INTEGER PRIMARY KEY,
    directory_pk BIGINT NOT NULL,
    group_pk     BIGINT NOT NULL,
    value        TEXT NOT NULL,
    -- 1 a user, 2 a group, 0 nobody known.
    kind         INTEGER NOT NULL,
    display      TEXT
);
CREATE UNIQUE INDEX members_by_group ON members (group_pk, value);
CREATE INDEX members_by_value ON members (directory_pk, value);

-- The log. There is one shard here, so the position is the row's key.
CREATE TABLE events (
    position        INTEGER PRIMARY KEY,
    shard           INTEGER NOT NULL,
    directory_pk    BIGINT NOT NULL,
    sequence        BIGINT NOT NULL,
    id              TEXT NOT NULL,
    kind            INTEGER NOT NULL,
    subject_kind    INTEGER NOT NULL,
    subject_id      TEXT NOT NULL,
    subject_version BIGINT NOT NULL,
    group_id        TEXT,
    sandbox         INTEGER NOT NULL,
    timestamp       BIGINT NOT NULL,
    body            BLOB NOT NULL
);
CREATE UNIQUE INDEX events_by_id ON events (id);
-- In a directory the sequence grows with the position, so that this index serves both orders. That
-- sequences have no gap is checked where events are appended.
CREATE INDEX events_by_directory ON events (directory_pk, position);
CREATE INDEX events_by_subject ON events (subject_id, position);
CREATE INDEX events_by_group ON events (group_id, position) WHERE group_id IS NOT NULL;
