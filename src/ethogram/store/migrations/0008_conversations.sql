-- A trial may go on from another's reply, and be asked in one of several wordings.

ALTER TABLE trial ADD COLUMN after INTEGER REFERENCES trial;  -- whose conversation it goes on with
ALTER TABLE trial ADD COLUMN turn INTEGER NOT NULL DEFAULT 1; -- of the user's messages since the trait was named
ALTER TABLE trial ADD COLUMN wording INTEGER NOT NULL DEFAULT 0;
CREATE INDEX trial_after ON trial (after) WHERE after IS NOT NULL;
