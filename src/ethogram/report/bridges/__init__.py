"""Bridges: what a store holds in the forms that other programs read."""
