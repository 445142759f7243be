"""Tables in files of people's own: text, names, flags, records. Knows nothing of their meaning."""
