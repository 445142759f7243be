"""Fuzzing: what takes input from outside, and a driver that seeks new paths through it."""
