"""A model's activations, read and moved, for models given by their weights.

The only place that imports torch and transformers, and only when they are used: all else works
without the extra `probes`.
"""
