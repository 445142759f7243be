"""One file a protocol: a function that builds messages, and a pure function that reads answers."""
