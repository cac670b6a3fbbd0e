-- `seq` counts pathways in the order of their commits: ids are made before a write queues, so two of them can commit
-- the other way round, and a reader that pages by id would miss one.
CREATE TABLE pathway (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    id         BLOB NOT NULL UNIQUE,
    created_ms INTEGER NOT NULL,
    version    INTEGER NOT NULL,
    is_retired INTEGER NOT NULL,
    role       TEXT -- trimmed and case-folded, for comparison; the content has it as it was written
) STRICT;

CREATE TABLE revision (
    seq        INTEGER NOT NULL REFERENCES pathway,
    version    INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL,
    is_retired INTEGER NOT NULL,
    reason     TEXT,
    content    TEXT NOT NULL, -- JSON, wire::pathways::Content
    PRIMARY KEY (seq, version)
) STRICT;

-- What follows holds active pathways only, by their newest version.
CREATE INDEX active_by_role ON pathway (role, seq) WHERE NOT is_retired;

CREATE TABLE tag (
    tag TEXT NOT NULL,
    seq INTEGER NOT NULL REFERENCES pathway,
    PRIMARY KEY (tag, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX tag_by_pathway ON tag (seq);

-- Words only: the texts themselves are in `revision`.
CREATE VIRTUAL TABLE words USING fts5 (
    goal, tags, steps,
    content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 2'
);
