"""`make screenshots`: a picture of each page of the demo, dark, light and on a phone, in docs/images/.

The demo is the home in ARENA_DEMO_HOME, or one that is made first, which takes a minute.
"""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from arena_pipeline.settings import load_settings
from tests.browser.conftest import FLAGS, MISSING
from tests.browser.homes import PROJECT
from tests.browser.paths import PAGES
from tests.browser.served import environment, served_home
from tests.browser.watching import Watch

FEWER_COLOURS = Path(__file__).with_name("palette_png.js").read_text(encoding="utf-8")
IMAGES = PROJECT / "docs" / "images"
WIDE, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}


def main() -> None:
    chromium = Path(os.environ.get("CHROMIUM") or "/usr/bin/chromium")
    if not chromium.exists():
        raise SystemExit(MISSING.format(path=chromium))
    IMAGES.mkdir(parents=True, exist_ok=True)
    home = os.environ.get("ARENA_DEMO_HOME")
    settings = load_settings(
        PROJECT / "arena.toml", home=Path(home).resolve() if home else PROJECT / "build" / "demo"
    )
    if not (settings.home / "ledger.db").exists():
        demo = [sys.executable, "-m", "arena_pipeline.cli", "demo"]
        subprocess.run(demo, env=environment(settings), check=True, stdout=subprocess.DEVNULL)
    with served_home(settings) as served, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        watch, painter = Watch(browser), browser.new_page()
        total = 0
        for name, where in PAGES.items():
            page = watch.open(served, where(served))
            for kind in ("dark", "light", "phone"):
                if kind != "dark":
                    page.locator("[data-set=theme]").click()
                page.set_viewport_size(PHONE if kind == "phone" else WIDE)
                file = IMAGES / f"{name}-{kind}.png"
                file.write_bytes(_smaller(painter, _picture(page)))
                total += file.stat().st_size
            watch.close()
        browser.close()
    print(f"{3 * len(PAGES)} pictures in {IMAGES.relative_to(PROJECT)}, {total / 1e6:.1f} MB")
    if watch.faults:
        raise SystemExit("\n".join(watch.faults))


def _picture(page: Page) -> bytes:
    """A page once its charts are drawn."""
    page.wait_for_load_state("networkidle")
    page.mouse.move(0, 0)
    page.wait_for_timeout(500)
    return page.screenshot(animations="disabled")


def _smaller(painter: Page, picture: bytes) -> bytes:
    """The picture with 256 colours; `painter` is an empty page."""
    return base64.b64decode(painter.evaluate(FEWER_COLOURS, base64.b64encode(picture).decode()))


if __name__ == "__main__":
    main()
