"""What a store costs, takes and gives back: `uv run python -m tests.benchmarks.store`."""
