"""One file per protocol: one function builds messages, a pure one reads answers."""
