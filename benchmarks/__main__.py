"""`make bench`: every benchmark, in turn. Figures are CPU seconds and ratios of this machine and run."""

from benchmarks import backfill

backfill.run()
