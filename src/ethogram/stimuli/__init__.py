"""Traits and prompts: sets, files, WildChat. Knows nothing of models or stores."""
