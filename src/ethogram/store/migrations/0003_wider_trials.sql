-- A trial may carry what was said before it, have one trait or none, be asked by any protocol, and
-- be read without a judge.

-- A system text and earlier turns, kept once however many trials share them.
CREATE TABLE context (
  id INTEGER PRIMARY KEY,
  hash TEXT NOT NULL UNIQUE,       -- tagged hash of the two
  system TEXT NOT NULL DEFAULT '',
  turns TEXT NOT NULL DEFAULT '[]' -- JSON: role and content of each
);

CREATE TABLE wider_trial (
  id INTEGER PRIMARY KEY,
  model INTEGER NOT NULL REFERENCES party,
  part TEXT NOT NULL,              -- main, retest, plant, random, natural, word
  condition TEXT NOT NULL,         -- feels, likes, random, plant, natural, word
  seq INTEGER NOT NULL,            -- place in the design
  trait_1 INTEGER REFERENCES trait,            -- shown first to the model; NULL: it has none
  trait_2 INTEGER REFERENCES trait,
  prompt INTEGER NOT NULL REFERENCES prompt,
  sample INTEGER NOT NULL DEFAULT 0,
  planted INTEGER REFERENCES trait,            -- the trait it was told to show, if it was told one
  wanted INTEGER NOT NULL DEFAULT 1,           -- 0: the study was cut since, and leaves it out
  protocol TEXT NOT NULL DEFAULT 'elicit',     -- how it is asked
  context INTEGER REFERENCES context,
  UNIQUE (model, part, condition, seq, sample, protocol)
);
INSERT INTO wider_trial (id, model, part, condition, seq, trait_1, trait_2, prompt, sample, planted,
  wanted)
SELECT id, model, part, condition, seq, trait_1, trait_2, prompt, sample, planted, wanted FROM trial
ORDER BY id;
DROP TABLE trial;
ALTER TABLE wider_trial RENAME TO trial;

-- What a protocol reads of the reply itself.
ALTER TABLE reply ADD COLUMN choice INTEGER REFERENCES trait;
ALTER TABLE reply ADD COLUMN value REAL;

-- Whether an answer was cut at the token limit: until now only its reason said so.
ALTER TABLE attempt ADD COLUMN cut INTEGER NOT NULL DEFAULT 0;
UPDATE attempt SET cut = 1 WHERE reason LIKE '%cut at the token limit';

-- Whether a judge is shown the prompt: until now only the name of its template said so.
UPDATE party SET settings = json_set(settings, '$.show_prompt', json('false'))
WHERE role = 'judge' AND json_extract(settings, '$.templates.judge_without_prompt') IS NOT NULL;
