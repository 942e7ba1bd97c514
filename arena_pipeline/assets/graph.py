"""Every step, in the order in which data flows, and the assets made of them."""

from __future__ import annotations

import dagster as dg

from arena_pipeline.assets import (
    board,
    decisions,
    found,
    fundamentals,
    market,
    model_catalog,
    news,
    portfolio,
    research,
    technical,
)
from arena_pipeline.assets.build import arena_asset, rules_version
from arena_pipeline.assets.step import Step
from arena_pipeline.llm.prompts import prompt_version
from arena_pipeline.market import checks, indicators, splits, vintages
from arena_pipeline.news import articles, health, momentum
from arena_pipeline.partitions import (
    SESSION,
    TRADING_DAY,
    Partitions,
    every_model,
    previous_session,
    sessions_of_the_day,
)
from arena_pipeline.research import extraction, facts, queries, watchlist
from arena_pipeline.research import found as finding
from arena_pipeline.scoring import (
    benchmark,
    bootstrap,
    days,
    hac,
    leaderboard,
    luck,
    metrics,
    returns,
    robustness,
    sharpe,
    significance,
    skill,
)
from arena_pipeline.scoring import splits as scoring_splits
from arena_pipeline.trading import account, baselines, book, fills, limits, replay

DAY_STEPS: tuple[Step, ...] = (
    market.daily_bars,
    market.intraday_bars,
    market.corporate_actions,
    news.articles,
    news.feed_health,
    fundamentals.financials,
    model_catalog.model_catalog,
)
SESSION_STEPS: tuple[Step, ...] = (
    technical.indicators,
    news.momentum,
    research.watchlist,
    found.found_articles,
    research.briefings,
)
SCOUT_STEPS: tuple[Step, ...] = SESSION_STEPS[:-1]
"""What runs ahead of a session: what is searched for must be found before it."""

DECISION_STEPS: tuple[Step, ...] = (decisions.decisions,)
BOOK_STEPS: tuple[Step, ...] = (portfolio.trades, portfolio.portfolio_snapshots)
BOARD_STEPS: tuple[Step, ...] = (portfolio.position_marks, board.leaderboard)


def names(steps: tuple[Step, ...]) -> tuple[str, ...]:
    return tuple(step.__name__ for step in steps)


def external_specs() -> list[dg.AssetSpec]:
    """Where the data comes from, so that the graph begins where the data does."""
    return [
        dg.AssetSpec(
            "price_vendor", group_name="outside", kinds={"yahoo"}, description="Bars, splits, dividends."
        ),
        dg.AssetSpec("news_feeds", group_name="outside", kinds={"rss"}, description="RSS and Atom feeds."),
        dg.AssetSpec(
            "web_search",
            group_name="outside",
            kinds={"ddgs"},
            description="A search engine, vendors' news, and the pages that they lead to.",
        ),
        dg.AssetSpec("figures_vendor", group_name="outside", kinds={"api"}, description="Company figures."),
        dg.AssetSpec(
            "model_endpoint",
            group_name="outside",
            kinds={"openai"},
            description="An OpenAI-compatible endpoint.",
        ),
    ]


def dashboards_spec() -> dg.AssetSpec:
    return dg.AssetSpec(
        "dashboards",
        deps=["leaderboard", "position_marks"],
        group_name="outside",
        kinds={"html"},
        description="The API and the pages that show the results.",
    )


def assets(parts: Partitions) -> list[dg.AssetsDefinition]:
    """All assets of section "Assets" in docs/architecture.md."""
    look_back = dg.TimeWindowPartitionMapping(allow_nonexistent_upstream_partitions=True)
    day, session = parts.trading_days, parts.sessions
    bars = rules_version(checks, splits, vintages)
    book_rules = rules_version(replay, book, account, fills)

    def shared(*upstream: str) -> list[dg.AssetDep]:
        return [dg.AssetDep(name, partition_mapping=look_back) for name in upstream]

    return [
        arena_asset(
            market.daily_bars,
            group="market",
            partitions=day,
            deps=["price_vendor"],
            kinds=["python", "parquet"],
            version=bars,
            pool="prices",
        ),
        arena_asset(
            market.intraday_bars,
            group="market",
            partitions=day,
            deps=["price_vendor"],
            kinds=["python", "parquet"],
            version=bars,
            pool="prices",
        ),
        arena_asset(
            market.corporate_actions,
            group="market",
            partitions=day,
            deps=["price_vendor"],
            kinds=["python", "parquet"],
            version=bars,
            pool="prices",
        ),
        arena_asset(
            news.articles,
            group="news",
            partitions=day,
            deps=["news_feeds"],
            kinds=["python", "parquet"],
            version=rules_version(articles),
            pool="feeds",
        ),
        arena_asset(
            news.feed_health,
            group="news",
            partitions=day,
            deps=["articles"],
            kinds=["python", "parquet"],
            version=rules_version(health),
        ),
        arena_asset(
            fundamentals.financials,
            group="fundamentals",
            partitions=day,
            deps=["figures_vendor"],
            kinds=["python", "parquet"],
            version=rules_version(fundamentals),
            pool="figures",
        ),
        arena_asset(
            model_catalog.model_catalog,
            group="arena",
            partitions=day,
            deps=["model_endpoint"],
            kinds=["openai", "parquet"],
            version=rules_version(model_catalog),
            pool="models",
        ),
        arena_asset(
            technical.indicators,
            group="technical",
            partitions=session,
            deps=shared("daily_bars", "corporate_actions"),
            kinds=["pandas", "parquet"],
            version=rules_version(indicators, splits),
        ),
        arena_asset(
            news.momentum,
            group="news",
            partitions=session,
            deps=shared("articles"),
            kinds=["python", "parquet"],
            version=rules_version(momentum),
        ),
        arena_asset(
            research.watchlist,
            group="research",
            partitions=session,
            deps=["momentum", "indicators"],
            kinds=["python", "parquet"],
            version=rules_version(watchlist),
        ),
        arena_asset(
            found.found_articles,
            group="research",
            partitions=session,
            deps=["watchlist", *shared("articles"), "web_search"],
            kinds=["python", "parquet"],
            version=rules_version(finding, queries),
            pool="search",
        ),
        arena_asset(
            research.briefings,
            group="research",
            partitions=session,
            deps=[
                "watchlist",
                "momentum",
                "indicators",
                "found_articles",
                *shared("articles", "financials"),
                "model_endpoint",
            ],
            kinds=["openai", "parquet"],
            version=rules_version(facts, extraction)
            + prompt_version("synthesis")[:16]
            + prompt_version("extraction")[:16],
            pool="models",
        ),
        arena_asset(
            decisions.decisions,
            group="arena",
            partitions=parts.model_sessions,
            deps=[
                dg.AssetDep("briefings", partition_mapping=every_model(SESSION)),
                dg.AssetDep("decisions", partition_mapping=previous_session()),
                "model_endpoint",
            ],
            kinds=["openai", "sql"],
            version=rules_version(limits, baselines) + prompt_version("decision")[:16],
            pool="models",
            sort_key=_by_time,
        ),
        arena_asset(
            portfolio.trades,
            group="arena",
            partitions=parts.model_days,
            deps=[
                dg.AssetDep("decisions", partition_mapping=sessions_of_the_day()),
                *_of_the_day("daily_bars", "intraday_bars", "corporate_actions"),
            ],
            kinds=["python", "sql"],
            version=book_rules,
            pool="ledger",
            sort_key=_by_time,
        ),
        arena_asset(
            portfolio.portfolio_snapshots,
            group="arena",
            partitions=parts.model_days,
            deps=["trades"],
            kinds=["python", "sql"],
            version=book_rules,
            pool="ledger",
            sort_key=_by_time,
        ),
        arena_asset(
            portfolio.position_marks,
            group="arena",
            partitions=day,
            deps=[dg.AssetDep("trades", partition_mapping=every_model(TRADING_DAY)), "intraday_bars"],
            kinds=["python", "sql"],
            version=book_rules,
            pool="ledger",
        ),
        arena_asset(
            board.leaderboard,
            group="arena",
            partitions=day,
            deps=[
                dg.AssetDep("portfolio_snapshots", partition_mapping=every_model(TRADING_DAY)),
                "daily_bars",
            ],
            kinds=["python", "sql"],
            version=rules_version(
                metrics,
                days,
                benchmark,
                leaderboard,
                returns,
                sharpe,
                hac,
                bootstrap,
                significance,
                scoring_splits,
                luck,
                skill,
                robustness,
            ),
            pool="ledger",
        ),
    ]


def _of_the_day(*upstream: str) -> list[dg.AssetDep]:
    return [dg.AssetDep(name, partition_mapping=every_model(TRADING_DAY)) for name in upstream]


def _by_time(key: str) -> tuple[str, str]:
    model, _, moment = key.partition("|")
    return moment, model
