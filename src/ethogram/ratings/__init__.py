"""Comparisons to profiles: Bradley-Terry, Elo, intervals, shifts. Knows no store or service."""
