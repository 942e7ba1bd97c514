"""The documentation: its links lead somewhere, its commands exist, its settings are accepted."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import typer.main
from typer.core import TyperGroup

from arena_pipeline.cli import DEMO_DAYS, app
from arena_pipeline.market.calendar import trading_calendar
from arena_pipeline.settings import Settings, load_settings

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"^```[a-z]*\n(.*?)^```|`([^`\n]+)`", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"(?:^|[\s/])arena ([a-z]+)((?: (?!\#)[^\s\\]+)*)", re.MULTILINE)
TARGET = re.compile(r"(?:^|\s)make ([a-z][a-z-]*)", re.MULTILINE)
ABSOLUTE = re.compile(r"(?<![\w.:/$}>~)-])/(?:home|root|work|tmp|usr|opt|var|etc|mnt|Users)/")
IDENTITY = re.compile(
    r"\b(?:decision|order|fill|briefing|snapshot|board|momentum|indicators):(?:[a-z0-9._-]+:)?"
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9]{2}:[0-9]{2})?)"
)
SETTINGS = re.compile(r"^```toml\n(.*?)^```", re.MULTILINE | re.DOTALL)

page = pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)


def code(text: str) -> Iterator[str]:
    for match in CODE.finditer(text):
        yield match.group(1) or match.group(2)


def anchors(text: str) -> set[str]:
    """The anchors that GitHub gives to headings."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def command(words: list[str]) -> Any:
    """The command that some words begin with; KeyError when there is none."""
    found: Any = typer.main.get_command(app)
    for word in words:
        if not isinstance(found, TyperGroup):
            break
        found = found.commands[word]
    return found


def test_there_is_documentation() -> None:
    assert {"README.md", "CONTRIBUTING.md", "quickstart.md", "evidence.md"} <= {path.name for path in PAGES}


@page
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    broken = []
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        if re.match(r"https?://|mailto:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and anchor not in anchors(target.read_text(encoding="utf-8"))):
            broken.append(link)
    assert not broken


@page
def test_every_arena_command_named_exists_with_its_options(page: Path) -> None:
    unknown = []
    for snippet in code(page.read_text(encoding="utf-8")):
        for name, rest in COMMAND.findall(snippet):
            words = [name, *rest.split()]
            try:
                known = command(words)
            except KeyError:
                unknown.append(f"arena {' '.join(words)}")
                continue
            options = {option for parameter in known.params for option in parameter.opts} | {"--help"}
            unknown += [
                f"arena {name} {word}" for word in words if word.startswith("--") and word not in options
            ]
    assert not unknown


@page
def test_every_make_target_named_exists(page: Path) -> None:
    targets = set(
        re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    )
    named = {name for snippet in code(page.read_text(encoding="utf-8")) for name in TARGET.findall(snippet)}
    assert named <= targets


@page
def test_settings_shown_are_accepted(page: Path, tmp_path: Path) -> None:
    """A snippet may be a part: what it leaves out comes from the shipped configuration."""
    shipped = tomllib.loads((ROOT / "arena.toml").read_text(encoding="utf-8"))
    for snippet in SETTINGS.findall(page.read_text(encoding="utf-8")):
        shown = tomllib.loads(snippet)
        if shown.get("prices", {}).get("source") == "files":
            for key in ("path", "benchmark_path"):
                shown["prices"][key] = tmp_path
        Settings.model_validate(
            {
                **shipped,
                **shown,
                "home": tmp_path,
                "file": tmp_path / "arena.toml",
                "ledger_url": "sqlite://",
                "lake_url": str(tmp_path),
            }
        )


@page
def test_every_id_shown_is_of_a_day_that_the_demo_has(page: Path, tmp_path: Path) -> None:
    settings = load_settings(ROOT / "arena.toml", home=tmp_path)
    calendar = trading_calendar(settings.arena.market)
    start = settings.arena.start
    days = set(map(str, calendar.days(start, start.replace(year=start.year + 1))[:DEMO_DAYS]))
    sessions = {session.key for day in days for session in calendar.sessions_of(date.fromisoformat(day))}
    shown = IDENTITY.findall(page.read_text(encoding="utf-8"))
    assert [text for text in shown if text not in days | sessions] == []


@page
def test_every_decision_to_walk_from_is_one_of_the_demo(page: Path, tmp_path: Path) -> None:
    models = {model.id for model in load_settings(ROOT / "arena.toml", home=tmp_path).models}
    walked = re.findall(r"arena lineage decision:([a-z0-9._-]+):", page.read_text(encoding="utf-8"))
    assert set(walked) <= models


@page
def test_no_page_names_an_absolute_path(page: Path) -> None:
    assert not ABSOLUTE.findall(page.read_text(encoding="utf-8"))


def test_the_shipped_configuration_is_valid_and_simulated(tmp_path: Path) -> None:
    assert load_settings(ROOT / "arena.toml", home=tmp_path).simulated


def test_every_variable_of_the_example_environment_is_empty_and_used() -> None:
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    names = [line for line in lines if line and not line.startswith("#")]
    assert names
    assert all(line.endswith("=") for line in names)
    code_and_settings = [*ROOT.glob("arena_*/**/*.py"), ROOT / "arena.toml"]
    text = "".join(path.read_text(encoding="utf-8") for path in code_and_settings)
    assert [line for line in names if line.removesuffix("=") not in text] == []


def test_the_requirements_are_hashed_and_name_no_index() -> None:
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    assert "://" not in text
    assert not re.search(r"^\s*(-i|-f|--(?!hash=))", text, re.MULTILINE)
    pins = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE | re.IGNORECASE)[1:]
    assert len(pins) > 50
    assert all("==" in pin and "--hash=sha256:" in pin for pin in pins)
