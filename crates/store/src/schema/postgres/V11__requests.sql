-- What providers asked and what they were answered.
CREATE SCHEMA requests;

CREATE TABLE requests.log (
    pk             BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id             TEXT COLLATE "C" NOT NULL,
    directory_id   TEXT COLLATE "C" NOT NULL,
    at             BIGINT NOT NULL,
    method         TEXT NOT NULL,
    path           TEXT NOT NULL,
    status         INTEGER NOT NULL,
    reason         TEXT,
    micros         BIGINT NOT NULL,
    sender         TEXT,
    -- Names, separated by spaces.
    rules          TEXT NOT NULL,
    user_agent     TEXT,
    -- How many events it gave, and between which positions of the directory's shard they are.
    events         BIGINT NOT NULL,
    first_position BIGINT,
    last_position  BIGINT,
    request_body   TEXT,
    response_body  TEXT,
    -- What is not whole: 1 the request's body, 2 the answer's; 4: something was taken out that changes its meaning.
    cut            INTEGER NOT NULL,
    -- About how much room it takes.
    bytes          BIGINT NOT NULL
);
CREATE INDEX log_by_directory ON requests.log (directory_id, pk);
CREATE INDEX log_by_id ON requests.log (id);
CREATE INDEX log_by_sender ON requests.log (directory_id, pk) WHERE sender IS NOT NULL;
-- The sum of the sizes is taken every so often, without reading what they are of.
CREATE INDEX log_by_size ON requests.log (bytes);
