-- Whether a loss is the row's own: the endpoint answered others meanwhile. What earlier releases lost
-- to an endpoint (its credit, a rate limit, an outage) they charged to trials: it is asked again.

ALTER TABLE reply ADD COLUMN charged INTEGER NOT NULL DEFAULT 0;
-- Whether thoughts stood in a reply's text and were parted from it; NULL where nobody looked.
ALTER TABLE reply ADD COLUMN split INTEGER;
ALTER TABLE verdict ADD COLUMN charged INTEGER NOT NULL DEFAULT 0;
