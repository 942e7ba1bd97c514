"""A decision's page leads to everything behind it, down to the bytes; nothing of it is taken for markup."""

import re
import sqlite3

import pytest

from arena_api.app import create_app
from tests.api.conftest import NOW, asked_by
from tests.api.world import ARTICLE, DECISION, SCRIPT, SESSION, settings_of, store_of
from tests.dashboards.pages import Page, page
from tests.dashboards.world import ASKED, EARLIER, HELD, LINKED, READING, fill_evidence, remember_earlier

BRIEFING = f"/research/SAP.DE/{SESSION}"
PAGES = [
    f"/decisions/{DECISION}",
    f"/decisions/{DECISION}?share=SAP.DE",
    f"/decisions/{DECISION}?share={SCRIPT}",
    f"/evidence/{ARTICLE}",
    f"/evidence/{ASKED}",
    f"/evidence/briefing:{SESSION}:SAP.DE",
    f"/evidence/{DECISION}",
    "/research",
    f"/research?session={SESSION}",
    f"/research?session={SCRIPT}",
    BRIEFING,
    f"/articles/{ARTICLE}",
    f"/articles/{LINKED}",
]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    home = tmp_path_factory.mktemp("evidence")
    store = store_of(home)
    fill_evidence(store)
    store.close()
    return home


@pytest.fixture(scope="module")
def client(home):
    with asked_by(create_app(settings_of(home), clock=lambda: NOW)) as client:
        yield client


def links(client, path):
    return [value for name, value in page(client, path).attributes if name == "href"]


@pytest.mark.parametrize("path", PAGES)
def test_a_page_shows_words_from_outside_as_text(client, path):
    answer = client.get(path)
    assert answer.status_code == 200
    assert SCRIPT not in answer.text
    shown = Page(answer.text)
    assert all(src.startswith("/static/") for src in shown.scripts)
    assert not {"style", "iframe", "b", "img"} & set(shown.elements)
    for name, value in shown.attributes:
        assert name != "style"
        assert not name.startswith("on")
        assert name != "href" or value.startswith(("/", "#", "https://example.com/"))


def test_every_box_of_the_graph_leads_to_a_card_of_the_page(client):
    answer = client.get(f"/decisions/{DECISION}").text
    boxes = re.findall(r'<a class="box [^"]*" href="#([^"]+)"', answer)
    ids = set(re.findall(r' id="([^"]+)"', answer))
    assert len(boxes) > 10
    assert set(boxes) <= ids


def test_every_line_of_the_graph_joins_two_of_its_boxes(client):
    answer = client.get(f"/decisions/{DECISION}").text
    boxes = set(re.findall(r'data-id="([^"]+)"', answer))
    lines = re.findall(r'data-from="([^"]+)" data-to="([^"]+)"', answer)
    assert len(lines) > 8
    assert {end for line in lines for end in line} == boxes


def test_the_graph_goes_from_the_article_to_the_book(client):
    answer = client.get(f"/decisions/{DECISION}").text
    lines = set(re.findall(r'data-from="([^"]+)" data-to="([^"]+)"', answer))
    order, fill = f"order:tester:{SESSION}:1", f"fill:tester:{SESSION}:1"
    assert {
        (ARTICLE, "extraction@SAP.DE"),
        ("extraction@SAP.DE", "briefing@SAP.DE"),
        ("briefing@SAP.DE", f"prompt:{ASKED}"),
        (f"prompt:{ASKED}", f"reply:{ASKED}"),
        (f"reply:{ASKED}", "gate"),
        ("gate", order),
        (order, fill),
        (fill, "snapshot:tester:2025-09-15"),
    } <= lines
    assert re.search(rf'class="cites" d="[^"]+" data-from="{ARTICLE}" data-to="{order}"', answer)


def test_what_an_order_cites_is_marked_and_leads_to_the_article(client):
    shown = page(client, f"/decisions/{DECISION}")
    assert "SAP.DE:N1 news speaks for it the article" in shown.text
    assert "SAP.DE:X9 no such fact was shown" in shown.text
    assert ("href", f"/articles/{ARTICLE}") in shown.attributes


def test_what_a_model_remembers_is_named_and_is_not_its_evidence(tmp_path):
    store = store_of(tmp_path)
    fill_evidence(store)
    remember_earlier(store)
    store.close()
    with asked_by(create_app(settings_of(tmp_path), clock=lambda: NOW)) as client:
        shown = page(client, f"/decisions/{DECISION}")
    assert "SAP.DE:N1 news speaks for it the article" in shown.text
    assert "news speaks against it" not in shown.text
    assert "What it was told of its own past 1 Decision of 12 Sep 2025 08:30" in shown.text
    assert ("href", f"/decisions/decision:tester:{EARLIER}") in shown.attributes
    ids = [value for name, value in shown.attributes if name == "id"]
    assert len(ids) == len(set(ids))


def test_the_prompt_and_the_raw_reply_are_there_in_full(client):
    answer = client.get(f"/decisions/{DECISION}").text
    assert "Decide. &lt;/pre&gt;&lt;script&gt;" in answer
    text = Page(answer).text
    assert "You manage a portfolio." in text
    assert '{"choices": [{"message": {"content":' in text
    assert "✓ hash holds" in text


def test_a_prompt_that_the_archive_lost_is_said_to_be_missing(client):
    text = page(client, f"/decisions/{DECISION}").text
    assert "✗ missing" in text
    assert "The archive has no such request any more." in text


def test_a_decision_changed_behind_the_catalogs_back_is_said_to_be_changed(tmp_path):
    store = store_of(tmp_path)
    fill_evidence(store)
    store.close()
    with sqlite3.connect(tmp_path / "ledger.db") as ledger:
        ledger.execute("UPDATE fills SET price = '1.0000'")
    with asked_by(create_app(settings_of(tmp_path))) as client:
        text = page(client, f"/decisions/{DECISION}").text
    assert "1 of 4 partitions no longer have the digest that was written with them" in text


def test_untouched_partitions_have_their_digests(client):
    assert "✓ 4 hold" in page(client, f"/decisions/{DECISION}").text


def test_links_to_dagster_are_there_when_its_address_is_known_and_only_then(client, home, monkeypatch):
    assert not any("/runs/" in link for link in links(client, f"/decisions/{DECISION}"))
    monkeypatch.setenv("ARENA_DAGSTER_URL", "http://dagster.example:3000/")
    found = links(client, f"/decisions/{DECISION}")
    assert "http://dagster.example:3000/runs/run" in found
    assert (
        "http://dagster.example:3000/assets/decisions?view=partitions&partition=tester%7C2025-09-15T08%3A30"
        in found
    )


def test_archived_bytes_are_shown_as_text(client):
    answer = client.get(f"/evidence/{ASKED}").text
    raw = re.findall(r"/evidence/(raw:[0-9a-f]{64})", answer)
    assert len(raw) == 2
    for identity in raw:
        shown = client.get(f"/evidence/{identity}")
        assert shown.status_code == 200
        assert SCRIPT not in shown.text
        assert "✓ hash holds" in shown.text


def test_changed_bytes_are_shown_as_changed(tmp_path):
    store = store_of(tmp_path)
    fill_evidence(store)
    sha256 = store.archive.put(b"as it came")
    store.archive.path(sha256).write_bytes(store.archive.path(store.archive.put(b"other")).read_bytes())
    store.close()
    with asked_by(create_app(settings_of(tmp_path))) as client:
        text = page(client, f"/evidence/raw:{sha256}").text
    assert "✗ changed" in text
    assert "its bytes have another hash" in text


@pytest.mark.parametrize(
    "path",
    [
        "/evidence/briefing:nobody",
        "/evidence/raw:..ledger.db",
        f"/evidence/raw:{'0' * 64}",
        "/evidence/nothing",
        "/articles/briefing:x",
        "/articles/article:%00",
        f"/research/SAP.DE/{SCRIPT.replace('/', '')}",
        "/research/SAP.DE/2025-09-16T08:30",
        "/research/sap/2025-09-15T08:30",
    ],
)
def test_what_is_not_there_is_a_page_with_status_404(client, path):
    answer = client.get(path)
    assert answer.status_code == 404
    assert "Not found" in answer.text
    assert "<script>" not in answer.text


def test_a_briefing_shows_its_score_contradictions_sources_and_readers(client):
    text = page(client, BRIEFING).text
    assert "64 of 100" in text
    assert "coverage 25\u202f% 90" in text
    assert "sentiment, low news against prices N1" in text
    assert f"SAP {SCRIPT} rises" in text
    assert "earnings +2, states 3.5\u202f%" in text
    assert "no its quote is not there" in text
    assert "15 Sep 2025 08:30 tester watchlist" in text
    assert f"Good {SCRIPT}" in text


def test_a_briefing_of_a_held_share_is_found_on_its_page_and_through_the_api(client):
    assert client.get(f"/research/SIE.DE/{SESSION}").status_code == 200
    assert client.get(f"/api/briefings/{SESSION}/SIE.DE").json()["id"] == HELD
    assert client.get(f"/api/briefings/{SESSION}/SIE.DE").json()["held"]


def test_a_session_shows_its_momentum_watchlist_and_briefings(client):
    shown = page(client, f"/research?session={SESSION}")
    assert "SAP.DE 1 ▲ +0.75 3 articles" in shown.text
    assert "1 SAP.DE SAP +1.50 much news read it" in shown.text
    assert ("href", BRIEFING) in shown.attributes


def test_an_article_shows_where_it_was_used_and_what_was_read_in_it(client):
    shown = page(client, f"/articles/{ARTICLE}")
    assert "SAP.DE earnings +2 +3.50\u202f% – not defined: it states none sandbox/reader" in shown.text
    assert ("href", BRIEFING) in shown.attributes
    assert ("href", f"/decisions/{DECISION}#order:tester:{SESSION}:1") in shown.attributes
    assert "Its address is no web address and no link: javascript:alert(1)" in shown.text


def test_an_article_leads_to_its_publisher_without_telling_where_from(client):
    answer = client.get(f"/articles/{LINKED}").text
    assert 'href="https://example.com/found?a=1" rel="noopener noreferrer nofollow"' in answer
    text = Page(answer).text
    assert "not defined: it has no date: it counts from when it was fetched" in text
    assert "its quote is not there" in text


def test_a_reading_leads_to_its_article(client):
    assert f"/articles/{ARTICLE}" in links(client, f"/evidence/{READING}")


def test_before_the_first_run_research_says_what_is_missing(before_the_first_run):
    assert "No session has been researched yet" in page(before_the_first_run, "/research").text


def test_from_the_board_it_is_at_most_four_clicks_to_the_article_behind_a_trade(client):
    trade = client.get("/api/trades").json()["trades"][0]
    decision, article = f"/decisions/{trade['decision_id']}", f"/articles/{ARTICLE}"
    clicks = {"/leaderboard": 0}
    reached = ["/leaderboard"]
    for path in reached:
        if path == article or clicks[path] == 4 or client.get(path).status_code != 200:
            continue
        for link in links(client, path):
            target = link.partition("#")[0]
            followed = target.startswith(("/leaderboard", "/models", "/decisions", "/articles"))
            if followed and target not in clicks:
                clicks[target] = clicks[path] + 1
                reached.append(target)
    assert clicks[decision] <= 3
    assert article in links(client, decision)
    assert clicks[article] <= 4
