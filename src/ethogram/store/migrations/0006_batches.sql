-- Requests that are sent many at a time, and answered hours later.

CREATE TABLE batch (
  id INTEGER PRIMARY KEY,
  fingerprint TEXT NOT NULL UNIQUE, -- what it bears at the service, to be found by
  owner TEXT NOT NULL,              -- stage/name of the model or judge that it asks
  service TEXT NOT NULL,            -- as in the requests
  path TEXT NOT NULL,               -- such as chat/completions
  state TEXT NOT NULL,              -- reserved, submitted, collected, refused, held, released, written
  handle TEXT NOT NULL DEFAULT '',  -- the service's id; of a written one, its file
  said TEXT NOT NULL DEFAULT '',    -- how far it is, as the service last said
  worst REAL NOT NULL DEFAULT 0,    -- US dollars that it may cost at most
  created REAL NOT NULL,            -- seconds since 1970
  changed REAL NOT NULL
);

-- What a batch asks. A line without an answer is pending at the service.
CREATE TABLE batch_line (
  batch INTEGER NOT NULL REFERENCES batch,
  request INTEGER NOT NULL REFERENCES request,
  PRIMARY KEY (batch, request)
) WITHOUT ROWID;

CREATE TABLE batch_answer (
  batch INTEGER NOT NULL REFERENCES batch,
  request INTEGER NOT NULL REFERENCES request,
  attempt INTEGER NOT NULL REFERENCES attempt,
  PRIMARY KEY (batch, request)
) WITHOUT ROWID;
