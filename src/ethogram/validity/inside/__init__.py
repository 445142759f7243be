"""What a model's activations say of its replies, held against judges, ratings and the text."""
