"""The pytest plugin: hooks, options, markers and fixtures.

It asks mcplens for everything else: no SQL, no Parquet and no statistics live here. Every pytest
run in the environment loads it, so it imports nothing heavy until one of its options is used.
"""
