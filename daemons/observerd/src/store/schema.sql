CREATE TABLE event (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT, -- order of arrival; a number is never given twice
    id          TEXT NOT NULL UNIQUE,
    kind        TEXT NOT NULL,
    time_us     INTEGER NOT NULL, -- by the sender's clock, microseconds since the Unix epoch
    received_ms INTEGER NOT NULL,
    role        TEXT,
    score       REAL, -- attributes.score where it is a number
    attributes  TEXT NOT NULL -- JSON object
) STRICT;

CREATE INDEX event_by_kind ON event (kind, seq);
-- Holds all that the statistics read.
CREATE INDEX event_by_time ON event (time_us, kind, role, score);
