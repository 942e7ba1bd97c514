"""The shipped table of feeds, `feeds.toml`, in the shape of arena.toml's `[[news.feeds]]`."""

from __future__ import annotations

import functools
import tomllib
from pathlib import Path

from arena_pipeline.settings import Feed, NewsSection


@functools.cache
def shipped_feeds() -> tuple[Feed, ...]:
    """Every shipped feed, also those that are switched off."""
    raw = tomllib.loads((Path(__file__).parent / "feeds.toml").read_text(encoding="utf-8"))
    return tuple(Feed.model_validate(entry) for entry in raw["feeds"])


def feeds_in_force(news: NewsSection) -> tuple[Feed, ...]:
    """The feeds to read: those that the configuration lists, else the shipped ones; without those that are
    switched off."""
    return tuple(feed for feed in news.feeds or shipped_feeds() if feed.enabled)
