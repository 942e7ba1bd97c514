"""Whose word it is, and whether it is about the share."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import arena_pipeline.news.credibility as module
from arena_pipeline.market.universe import dax40
from arena_pipeline.news.articles import match_symbols
from arena_pipeline.news.credibility import NOT_LISTED, Level, credibility
from arena_pipeline.news.relevance import relevance

TABLE = tomllib.loads((Path(module.__file__).parent / "credibility.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("url", "level", "domain"),
    [
        ("https://www.reuters.com/markets/sap", Level.HIGH, "reuters.com"),
        ("http://REUTERS.com:80/x?y#z", Level.HIGH, "reuters.com"),
        ("https://reuters.com./x", Level.HIGH, "reuters.com"),
        ("https://www.ecb.europa.eu/press", Level.HIGH, "ecb.europa.eu"),
        ("https://feeds.finance.yahoo.com/rss", Level.MEDIUM, "finance.yahoo.com"),
        ("https://someone.substack.com/p/1", Level.LOW, "substack.com"),
        ("https://reuters.com.evil.example/", Level.LOW, ""),
        ("https://evil-reuters.com/", Level.LOW, ""),
        ("https://reuters.com@evil.example/", Level.LOW, ""),
        ("https://evil.example/reuters.com", Level.LOW, ""),
        ("https://reutеrs.com/", Level.LOW, ""),  # a Cyrillic letter
        ("https://com/", Level.LOW, ""),
        ("http://[", Level.LOW, ""),
        ("", Level.LOW, ""),
    ],
)
def test_a_source_is_judged_by_its_domain_and_only_by_it(url: str, level: Level, domain: str) -> None:
    found = credibility(url)
    assert (found.level, found.domain) == (level, domain)
    assert found.reason


def test_who_is_not_in_the_table_is_low_and_the_reason_says_so() -> None:
    assert credibility("https://example.org/") == NOT_LISTED
    assert NOT_LISTED.reason == "not in the table"


def test_every_entry_of_the_table_is_a_domain_once_with_a_reason() -> None:
    assert set(TABLE) == {level.value for level in Level}
    domains = [domain for level in TABLE.values() for domain in level]
    assert len(domains) == len(set(domains))
    assert all(re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", domain) for domain in domains)
    assert all(len(reason) > 10 for level in TABLE.values() for reason in level.values())


ABOUT = "SAP hebt die Prognose an. Die Aktie von SAP steigt, auch Siemens gewinnt."
LIST = "Im Dax gewinnen SAP, Siemens, BASF, Bayer, Allianz und Adidas."


def score(symbol: str, title: str, text: str) -> float:
    return relevance(symbol, title=title, text=text, companies=dax40()).score


def test_an_article_about_a_share_is_more_relevant_than_a_list_that_names_it() -> None:
    about = score("SAP.DE", "SAP hebt Prognose", ABOUT)
    beside = score("SIE.DE", "SAP hebt Prognose", ABOUT)
    listed = score("SAP.DE", "Dax schließt fester", LIST)
    assert about > beside
    assert about > listed
    assert score("SAP.DE", "SAP und Siemens arbeiten zusammen", ABOUT) < about


def test_the_reason_adds_up() -> None:
    found = relevance("SAP.DE", title="SAP hebt Prognose", text=ABOUT, companies=dax40())
    assert found.mentions == 3
    assert found.reason == "3 of 4 mentions, named in the title, named at the beginning"
    assert found.score == pytest.approx(0.5 + 0.3 * 3 / 4 + 0.2)


def test_a_share_that_is_named_late_and_once_is_incidental() -> None:
    text = "Ein anderes Thema. " * 60 + "Auch SAP war dabei."
    assert score("SAP.DE", "Messe eröffnet", text) == pytest.approx(0.3)


def test_the_longest_alias_uses_up_its_words() -> None:
    assert score("SIE.DE", "Siemens Energy steigt", "Siemens Energy meldet Aufträge.") == 0
    assert score("ENR.DE", "Siemens Energy steigt", "Siemens Energy meldet Aufträge.") == pytest.approx(1.0)


@given(
    title=st.lists(st.sampled_from(["SAP", "Siemens", "BASF", "steigt"]), max_size=6).map(" ".join),
    text=st.lists(st.sampled_from(["SAP", "Siemens", "BASF", "und", "x" * 90]), max_size=30).map(" ".join),
)
def test_relevance_lies_between_0_and_1_and_is_0_only_for_a_share_not_named(title: str, text: str) -> None:
    named = match_symbols(f"{title}\n{text}", dax40())
    for symbol in ("SAP.DE", "SIE.DE", "BAS.DE"):
        found = score(symbol, title, text)
        assert 0 <= found <= 1
        assert (found > 0) == (symbol in named)
