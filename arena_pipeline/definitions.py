"""All that Dagster loads, and nothing else."""

from __future__ import annotations

import warnings

import dagster as dg

from arena_pipeline.assets.graph import assets, dashboards_spec, external_specs
from arena_pipeline.assets.resource import ArenaResource
from arena_pipeline.checks import asset_checks
from arena_pipeline.market.calendar import trading_calendar
from arena_pipeline.partitions import partitions
from arena_pipeline.schedules import automation
from arena_pipeline.settings import Settings, load_settings

warnings.filterwarnings("ignore", category=dg.BetaWarning)


def build(settings: Settings) -> dg.Definitions:
    """The definitions of one arena."""
    calendar = trading_calendar(settings.arena.market)
    parts = partitions(settings, calendar)
    return dg.Definitions.merge(
        dg.Definitions(
            assets=[*external_specs(), *assets(parts), dashboards_spec()],
            asset_checks=asset_checks(),
            resources={"arena": ArenaResource(file=str(settings.file), home=str(settings.home))},
            executor=dg.in_process_executor,
        ),
        automation(settings, calendar),
    )


defs = build(load_settings())
