"""The study's one SQLite file, and all the SQL. Knows nothing of HTTP or statistics."""
