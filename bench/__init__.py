"""Where the figures on speed and memory in bench/README.md come from."""
