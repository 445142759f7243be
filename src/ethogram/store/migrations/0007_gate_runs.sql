-- What gates said, run after run.

CREATE TABLE gate_run (
  id INTEGER PRIMARY KEY,
  time REAL NOT NULL,              -- seconds since 1970
  gate TEXT NOT NULL,              -- its name
  digest TEXT NOT NULL,            -- tagged hash of the gate file's text
  before TEXT NOT NULL,            -- model and source
  after TEXT NOT NULL,             -- the model, of this store
  judge TEXT NOT NULL,
  condition TEXT NOT NULL,
  verdict TEXT NOT NULL,           -- pass, fail, undecided
  rows TEXT NOT NULL               -- JSON: per bound the trait, what is asked, interval, verdict
);
