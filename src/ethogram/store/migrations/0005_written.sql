-- Replies that no model gave: exemplars, written to show a trait. Who wrote them is a party too.

CREATE TABLE wider_party (
  id INTEGER PRIMARY KEY,
  role TEXT NOT NULL CHECK (role IN ('model', 'judge', 'writer')),
  name TEXT NOT NULL,
  settings TEXT NOT NULL,          -- JSON: service, model, parameters, templates
  UNIQUE (role, name)
);
INSERT INTO wider_party (id, role, name, settings) SELECT id, role, name, settings FROM party
ORDER BY id;
DROP TABLE party;
ALTER TABLE wider_party RENAME TO party;

-- The text of a reply that has no attempt.
CREATE TABLE written (
  trial INTEGER PRIMARY KEY REFERENCES trial,
  text TEXT NOT NULL
);
