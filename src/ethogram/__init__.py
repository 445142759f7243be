"""Measure a language model's character by what it does."""

__version__ = "0.1.0"
