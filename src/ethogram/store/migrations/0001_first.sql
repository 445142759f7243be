-- The first schema. docs/store.md explains each table.

CREATE TABLE trait (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  description TEXT NOT NULL DEFAULT ''
);

CREATE TABLE prompt (
  id INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,
  text TEXT NOT NULL,
  language TEXT NOT NULL DEFAULT '',
  topic TEXT NOT NULL DEFAULT ''
);

-- Prompts drawn from a source too large to read at every run, in the order drawn.
CREATE TABLE draw (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,       -- all that decides the draw, as JSON
  told TEXT NOT NULL               -- what the filters dropped, as JSON
);
CREATE TABLE drawn (
  draw INTEGER NOT NULL REFERENCES draw,
  place INTEGER NOT NULL,
  prompt INTEGER NOT NULL REFERENCES prompt,
  PRIMARY KEY (draw, place)
) WITHOUT ROWID;

-- One row a run of a study file, as it was then.
CREATE TABLE study (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  version TEXT NOT NULL,           -- of ethogram
  file TEXT NOT NULL,              -- the study file's text
  settings TEXT NOT NULL,          -- what it came to, as JSON
  started REAL NOT NULL
);

-- A tested model or a judge, with all that defines its answers.
CREATE TABLE party (
  id INTEGER PRIMARY KEY,
  role TEXT NOT NULL CHECK (role IN ('model', 'judge')),
  name TEXT NOT NULL,
  settings TEXT NOT NULL,          -- JSON: service, model, parameters, templates
  UNIQUE (role, name)
);

-- What is to be asked of a model. A trial without a reply is pending.
CREATE TABLE trial (
  id INTEGER PRIMARY KEY,
  model INTEGER NOT NULL REFERENCES party,
  part TEXT NOT NULL,              -- main, retest, plant, natural
  condition TEXT NOT NULL,         -- feels, likes, random, plant, natural
  seq INTEGER NOT NULL,            -- place in the design
  trait_1 INTEGER NOT NULL REFERENCES trait,   -- shown first to the model
  trait_2 INTEGER NOT NULL REFERENCES trait,
  prompt INTEGER NOT NULL REFERENCES prompt,
  sample INTEGER NOT NULL DEFAULT 0,
  planted INTEGER REFERENCES trait,            -- the trait it was told to show, if it was told one
  wanted INTEGER NOT NULL DEFAULT 1,           -- 0: the study was cut since, and leaves it out
  UNIQUE (model, part, condition, seq, sample)
);

CREATE TABLE request (
  id TEXT NOT NULL PRIMARY KEY,    -- tagged hash of the body; in an index, so that bodies append
  body TEXT NOT NULL               -- canonical JSON: service, model, messages, params, sample
);

-- Every try at a request. Rows are only ever added.
CREATE TABLE attempt (
  id INTEGER PRIMARY KEY,
  request TEXT NOT NULL REFERENCES request,
  number INTEGER NOT NULL,
  status TEXT NOT NULL,
  reason TEXT NOT NULL,
  http INTEGER,
  started REAL NOT NULL,           -- seconds since 1970
  seconds REAL NOT NULL,
  prompt_tokens INTEGER,
  completion_tokens INTEGER,
  reasoning_tokens INTEGER,
  cost REAL,                       -- US dollars; NULL is unknown
  provider TEXT NOT NULL DEFAULT '',
  model_said TEXT NOT NULL DEFAULT ''
);
CREATE INDEX attempt_request ON attempt (request);

-- The body of each response, apart, so that counting never reads it.
CREATE TABLE response (
  attempt INTEGER PRIMARY KEY REFERENCES attempt,
  body BLOB NOT NULL               -- as received: text, or a blob where it is no UTF-8
);

CREATE TABLE reply (
  trial INTEGER PRIMARY KEY REFERENCES trial,
  attempt INTEGER REFERENCES attempt,
  status TEXT NOT NULL,
  reason TEXT NOT NULL,
  chars INTEGER,
  named INTEGER                    -- 1 where the reply names either trait although told not to
);

-- What is to be asked of a judge. A judging without a verdict, whose trial has a reply, is pending.
CREATE TABLE judging (
  id INTEGER PRIMARY KEY,
  trial INTEGER NOT NULL REFERENCES trial,
  judge INTEGER NOT NULL REFERENCES party,
  part TEXT NOT NULL,              -- main, order, repeat, plant, ...
  swapped INTEGER NOT NULL,        -- 1: the judge is shown trait_2 first
  sample INTEGER NOT NULL DEFAULT 0,
  wanted INTEGER NOT NULL DEFAULT 1,           -- as in trial
  UNIQUE (trial, judge, part, swapped, sample)
);
CREATE INDEX judging_judge ON judging (judge, part);

CREATE TABLE verdict (
  judging INTEGER PRIMARY KEY REFERENCES judging,
  attempt INTEGER REFERENCES attempt,
  status TEXT NOT NULL,
  reason TEXT NOT NULL,
  winner INTEGER REFERENCES trait, -- NULL where there is none
  p_first REAL                     -- probability of trait_1, where the judge gave one
);
