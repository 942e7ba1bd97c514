"""`make bench`: the benchmarks that need nothing but our own environment, in turn. The Makefile goes on with
the replay and its peers. Figures are CPU seconds and ratios of this machine and run.
"""

from benchmarks import backfill, false_winner, pages

backfill.run()
false_winner.run()
pages.run()
