"""Open models on a Ray cluster: llama.cpp on CPU nodes, vLLM on GPUs."""
