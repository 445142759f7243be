-- What people say of chosen replies, and how the replies were drawn that they are asked about.

CREATE TABLE label_draw (
  id INTEGER PRIMARY KEY,
  judge INTEGER NOT NULL REFERENCES party,     -- whose confidence the draw is stratified by
  seed INTEGER NOT NULL,
  overlap REAL NOT NULL,           -- share of the replies that every labeller is asked about
  drawn REAL NOT NULL              -- seconds since 1970
);

-- Replies of about the same confidence: each has the same probability of being drawn.
CREATE TABLE label_stratum (
  draw INTEGER NOT NULL REFERENCES label_draw,
  stratum INTEGER NOT NULL,
  name TEXT NOT NULL,
  replies INTEGER NOT NULL,        -- in the store when it was drawn
  PRIMARY KEY (draw, stratum)
) WITHOUT ROWID;

-- The queue, in the order in which replies are shown.
CREATE TABLE label_item (
  draw INTEGER NOT NULL REFERENCES label_draw,
  place INTEGER NOT NULL,
  trial INTEGER NOT NULL REFERENCES trial,
  stratum INTEGER NOT NULL,
  shared INTEGER NOT NULL,         -- 1: every labeller is asked
  swapped INTEGER NOT NULL,        -- 1: trait_2 is shown first
  PRIMARY KEY (draw, place),
  UNIQUE (draw, trial)
) WITHOUT ROWID;

-- What a person says of a reply. One that was taken back stays, with the time.
CREATE TABLE label (
  id INTEGER PRIMARY KEY,
  trial INTEGER NOT NULL REFERENCES trial,
  labeller TEXT NOT NULL,
  answer TEXT NOT NULL CHECK (answer IN ('trait_1', 'trait_2', 'both', 'neither', 'unsure')),
  swapped INTEGER NOT NULL,        -- 1: was shown trait_2 first
  time REAL NOT NULL,              -- seconds since 1970
  seconds REAL,                    -- how long it took; NULL is unknown
  source TEXT NOT NULL DEFAULT '', -- the file that it came from; empty where it was given here
  undone REAL                      -- when it was taken back
);
CREATE UNIQUE INDEX label_once ON label (trial, labeller) WHERE undone IS NULL;
