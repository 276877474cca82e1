-- The record of everything. Times are microseconds since 1970, JSON is text, ids are text with
-- their prefix; ids and keys are compared by their bytes. A secondary key `directory_pk` is a
-- directory's `pk`: its row is never removed. Rows that are updated often leave room on their pages.

CREATE TABLE meta (
    name  TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);
INSERT INTO meta (name, value) VALUES ('shards', '32'), ('catalog_revision', '1');

-- The last position given in each shard. Who writes to a shard holds the lock of its row until the
-- commit, so that positions have no gaps and become visible in their order.
CREATE TABLE shards (
    shard    INTEGER NOT NULL PRIMARY KEY,
    position BIGINT NOT NULL
) WITH (fillfactor = 50);
INSERT INTO shards (shard, position) SELECT shard, 0 FROM generate_series(0, 31) shard;

-- What each revision of the configuration changed, for the other processes.
CREATE TABLE catalog_changes (
    revision BIGINT NOT NULL,
    -- organization, directory, endpoint or api_keys; the last has no id.
    kind     TEXT COLLATE "C" NOT NULL,
    id       TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (revision, kind, id)
);

CREATE TABLE organizations (
    pk          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id          TEXT COLLATE "C" NOT NULL UNIQUE,
    external_id TEXT COLLATE "C" UNIQUE,
    name        TEXT NOT NULL,
    created_at  BIGINT NOT NULL
);

CREATE TABLE directories (
    pk              BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id              TEXT COLLATE "C" NOT NULL UNIQUE,
    organization_id TEXT COLLATE "C" NOT NULL,
    name            TEXT NOT NULL,
    provider        TEXT COLLATE "C" NOT NULL,
    state           TEXT COLLATE "C" NOT NULL,
    mode            TEXT COLLATE "C" NOT NULL,
    created_at      BIGINT NOT NULL,
    -- The last sequence given, and the number of events about the directory itself.
    sequence        BIGINT NOT NULL DEFAULT 0,
    event_version   BIGINT NOT NULL DEFAULT 0,
    user_count      BIGINT NOT NULL DEFAULT 0,
    group_count     BIGINT NOT NULL DEFAULT 0,
    -- 1 once the rows of a deleted directory are all removed.
    purged          INTEGER NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
CREATE INDEX directories_by_organization ON directories (organization_id);
CREATE INDEX directories_to_purge ON directories (pk) WHERE state = 'deleted' AND purged = 0;

CREATE TABLE tokens (
    pk              BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id              TEXT COLLATE "C" NOT NULL UNIQUE,
    directory_id    TEXT COLLATE "C" NOT NULL,
    sha256          BYTEA NOT NULL UNIQUE,
    last_characters TEXT NOT NULL,
    created_at      BIGINT NOT NULL,
    expires_at      BIGINT
);
CREATE INDEX tokens_by_directory ON tokens (directory_id);

CREATE TABLE api_keys (
    pk              BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sha256          BYTEA NOT NULL UNIQUE,
    last_characters TEXT NOT NULL,
    created_at      BIGINT NOT NULL
);

CREATE TABLE endpoints (
    pk              BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id              TEXT COLLATE "C" NOT NULL UNIQUE,
    url             TEXT NOT NULL,
    description     TEXT,
    -- The scope: neither means every live directory.
    organization_id TEXT COLLATE "C",
    directory_id    TEXT COLLATE "C",
    event_types     TEXT NOT NULL,
    format          TEXT NOT NULL,
    retry_schedule  TEXT NOT NULL,
    timeout_seconds INTEGER NOT NULL,
    on_exhausted    TEXT NOT NULL,
    headers         TEXT NOT NULL,
    state           TEXT NOT NULL,
    state_reason    TEXT,
    -- JSON: where it starts in each shard.
    start_positions TEXT NOT NULL,
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL
);

CREATE TABLE endpoint_secrets (
    pk          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    endpoint_id TEXT COLLATE "C" NOT NULL,
    -- Which master key sealed it.
    key_id      TEXT COLLATE "C" NOT NULL,
    sealed      BYTEA NOT NULL,
    created_at  BIGINT NOT NULL,
    expires_at  BIGINT
);
CREATE INDEX endpoint_secrets_by_endpoint ON endpoint_secrets (endpoint_id);

CREATE TABLE users (
    pk            BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    directory_pk  BIGINT NOT NULL,
    id            TEXT COLLATE "C" NOT NULL,
    -- Folded: what makes two userNames the same.
    user_name_key TEXT COLLATE "C" NOT NULL,
    user_name     TEXT COLLATE "C" NOT NULL,
    external_id   TEXT COLLATE "C",
    display_name  TEXT COLLATE "C",
    email         TEXT COLLATE "C",
    active        INTEGER NOT NULL,
    version       BIGINT NOT NULL,
    event_version BIGINT NOT NULL,
    created_at    BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL,
    document      TEXT NOT NULL
) WITH (fillfactor = 85);
CREATE UNIQUE INDEX users_by_id ON users (id);
CREATE UNIQUE INDEX users_by_user_name ON users (directory_pk, user_name_key);
CREATE INDEX users_by_creation ON users (directory_pk, pk);
CREATE INDEX users_by_external_id ON users (directory_pk, external_id) WHERE external_id IS NOT NULL;

CREATE TABLE user_emails (
    user_pk      BIGINT NOT NULL,
    value_key    TEXT COLLATE "C" NOT NULL,
    directory_pk BIGINT NOT NULL,
    PRIMARY KEY (user_pk, value_key)
);
CREATE INDEX user_emails_by_value ON user_emails (directory_pk, value_key);

CREATE TABLE groups (
    pk               BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    directory_pk     BIGINT NOT NULL,
    id               TEXT COLLATE "C" NOT NULL,
    display_name_key TEXT COLLATE "C" NOT NULL,
    display_name     TEXT COLLATE "C" NOT NULL,
    external_id      TEXT COLLATE "C",
    member_count     BIGINT NOT NULL,
    version          BIGINT NOT NULL,
    event_version    BIGINT NOT NULL,
    created_at       BIGINT NOT NULL,
    updated_at       BIGINT NOT NULL,
    document         TEXT NOT NULL
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX groups_by_id ON groups (id);
CREATE INDEX groups_by_display_name ON groups (directory_pk, display_name_key);
CREATE INDEX groups_by_creation ON groups (directory_pk, pk);
CREATE INDEX groups_by_external_id ON groups (directory_pk, external_id) WHERE external_id IS NOT NULL;

CREATE TABLE members (
    pk           BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    directory_pk BIGINT NOT NULL,
    group_pk     BIGINT NOT NULL,
    value        TEXT COLLATE "C" NOT NULL,
    -- 1 a user, 2 a group, 0 nobody known.
    kind         INTEGER NOT NULL,
    display      TEXT COLLATE "C"
);
CREATE UNIQUE INDEX members_by_group ON members (group_pk, value);
CREATE INDEX members_by_value ON members (directory_pk, value);

-- The log.
CREATE TABLE events (
    shard           INTEGER NOT NULL,
    position        BIGINT NOT NULL,
    directory_pk    BIGINT NOT NULL,
    sequence        BIGINT NOT NULL,
    id              TEXT COLLATE "C" NOT NULL,
    kind            INTEGER NOT NULL,
    subject_kind    INTEGER NOT NULL,
    subject_id      TEXT COLLATE "C" NOT NULL,
    subject_version BIGINT NOT NULL,
    group_id        TEXT COLLATE "C",
    sandbox         INTEGER NOT NULL,
    timestamp       BIGINT NOT NULL,
    body            BYTEA NOT NULL,
    PRIMARY KEY (shard, position)
);
CREATE UNIQUE INDEX events_by_id ON events (id);
-- In a directory the sequence grows with the position, so that this index serves both orders. That
-- sequences have no gap is checked where events are appended.
CREATE INDEX events_by_directory ON events (directory_pk, position);
CREATE INDEX events_by_subject ON events (subject_id, position);
CREATE INDEX events_by_group ON events (group_id, position) WHERE group_id IS NOT NULL;
