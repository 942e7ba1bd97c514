"""Style sheets and scripts: addresses that change with the bytes, from this server only."""

import re

import pytest

from dashboards.assets import FOR_EVER, address, assets
from dashboards.palette import DARK, LIGHT, series_class


def test_a_file_is_kept_for_ever_under_its_version_only(client):
    answer = client.get(address("arena.css"))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/css; charset=utf-8"
    assert answer.headers["cache-control"] == FOR_EVER
    assert client.get("/static/arena.css").headers["cache-control"] == "no-cache"
    assert client.get("/static/arena.css?v=older").headers["cache-control"] == "no-cache"


def test_a_file_comes_zipped_to_those_who_take_it_so(client):
    whole = client.get("/static/arena.css", headers={"Accept-Encoding": "identity"})
    zipped = client.get("/static/arena.css", headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in whole.headers
    assert zipped.headers["content-encoding"] == "gzip"
    assert zipped.headers["vary"] == "Accept-Encoding"
    assert zipped.content == whole.content
    assert int(zipped.headers["content-length"]) < int(whole.headers["content-length"]) / 2


def test_a_browser_that_has_the_file_is_told_so(client):
    etag = client.get("/static/arena.css").headers["etag"]
    assert client.get("/static/arena.css", headers={"If-None-Match": etag}).status_code == 304


@pytest.mark.parametrize("name", ["none.css", "../assets.py", "%2e%2e/assets.py", "vendor/../../views.py"])
def test_only_the_files_there_are_can_be_asked_for(client, name):
    assert client.get(f"/static/{name}").status_code == 404


def test_the_charts_come_from_the_installed_wheel(client):
    script = client.get(address("vendor/uplot.js"))
    assert script.headers["content-type"] == "text/javascript; charset=utf-8"
    assert "uPlot" in script.text


def test_what_a_script_imports_has_its_version_in_the_address():
    script = assets()["overview.js"].content.decode()
    imported = re.findall(r'(?:from|import) "\./([^"]+)"', script)
    assert {name.partition("?")[0] for name in imported} == {"equity.js", "live.js", "state.js"}
    assert all(f"/static/{name}" == address(name.partition("?")[0]) for name in imported)


def test_no_file_names_another_host():
    for name, asset in assets().items():
        text = asset.content.decode()
        assert not re.search(r"""(?:url\(|from |src=|href=)["']?(?:https?:)?//""", text), name


def test_each_slot_has_a_colour_in_both_themes_and_a_second_round_is_dashed():
    sheet = assets()["palette.css"].content.decode()
    for slot, (dark, light) in enumerate(zip(DARK, LIGHT, strict=True)):
        assert f".s{slot}{{--series:{dark}}}" in sheet
        assert f'[data-theme="light"] .s{slot}{{--series:{light}}}' in sheet
        assert series_class(slot) == f"s{slot}"
        assert series_class(slot + len(DARK)) == f"s{slot} dashed"
