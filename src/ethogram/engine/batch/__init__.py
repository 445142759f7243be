"""Batch services: many requests at once, for less, answered within a day."""
