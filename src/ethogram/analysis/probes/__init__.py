"""Linear probes: what a model's activations say of the traits that its replies show.

Numbers in, numbers out (numpy and scipy): `ethogram.validity.inside` reads replies, verdicts and
activations, and `ethogram.engine.activations` computes them.
"""
