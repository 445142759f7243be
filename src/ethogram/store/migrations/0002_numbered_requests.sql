-- Requests get numbers: hashes fall at random places of an index, and attempts had a second one.

CREATE TABLE numbered_request (
  id INTEGER PRIMARY KEY,
  hash TEXT NOT NULL UNIQUE,       -- tagged hash of the body
  body TEXT NOT NULL               -- canonical JSON: service, model, messages, params, sample
);
INSERT INTO numbered_request (hash, body) SELECT id, body FROM request;

CREATE TABLE numbered_attempt (
  id INTEGER PRIMARY KEY,
  request INTEGER NOT NULL REFERENCES numbered_request,
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
INSERT INTO numbered_attempt
SELECT a.id, r.id, a.number, a.status, a.reason, a.http, a.started, a.seconds, a.prompt_tokens,
  a.completion_tokens, a.reasoning_tokens, a.cost, a.provider, a.model_said
FROM attempt a JOIN numbered_request r ON r.hash = a.request ORDER BY a.id;

DROP TABLE attempt;
DROP TABLE request;
ALTER TABLE numbered_request RENAME TO request;
ALTER TABLE numbered_attempt RENAME TO attempt;
CREATE INDEX attempt_request ON attempt (request);
