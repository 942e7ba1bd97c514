"""Benchmarks: ratios measured in one run, never asserted in a test. Run them all with `make bench`."""
