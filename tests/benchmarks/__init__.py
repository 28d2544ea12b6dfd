"""Measurements of what watching costs: ratios inside one interleaved run, on any machine."""
