"""Pictures of every kind of page as readers meet it: in both languages, wide and on a phone, light, dark and on paper.

`make screenshots` writes them to data/screenshots/, to look at, and those of the README to tests/browser/shown/.
"""

import shutil
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from app.settings import PROJECT, Settings
from tests.conftest import serving

FOLDER = PROJECT / "data" / "screenshots"
SHOWN = Path(__file__).parent / "shown"
PACKAGE = "/packages/fy2025-supplementary-drug-discovery"
PAGES = {
    "home": "/",
    "crosswalk": "/crosswalk",
    "document": "/documents/cao-20260203-bio",
    "reconciliation": f"{PACKAGE}/reconciliation",
    "package": PACKAGE,
    "guide": "/guide",
    "lines": "/budget-lines?ministry=mhlw&phase=supplementary&sort=amount&order=desc",
    "line": "/budget-lines/biosimilar-manufacturing-sites-fy2025-supplementary",
    "measure": "/measures/rare-disease-global-rd",
    "organization": "/organizations/mhlw",
    "section": "/sections/hp3-4.5",
    "search": "/search?q=薬",
    "docs": "/docs",
    "operation": "/docs/budget-lines",
    "fault": "/measures?ministry=mhwl",
    "none": "/measures?q=zzz",
    "missing": "/nowhere",
}
README = ("home", "crosswalk", "lines")
HEIGHT = 1_050  # of a page that is longer
WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}


def save(page: Page, name: str) -> None:
    """Of a long page, the beginning is enough to judge it."""
    part = {"x": 0, "y": 0, "width": page.evaluate("innerWidth"), "height": HEIGHT}
    page.screenshot(path=FOLDER / f"{name}.png", clip=part, full_page=True)


def take(page: Page, address: str, name: str, path: str) -> None:
    """Every picture of a page."""
    for lang in ("ja", "en"):
        page.emulate_media(media="screen", color_scheme="light")
        page.set_viewport_size(WIDE)
        page.goto(f"{address}{path}{'&' if '?' in path else '?'}lang={lang}")
        shot = f"{name}-{lang}"
        save(page, f"{shot}-wide")
        page.emulate_media(color_scheme="dark")
        save(page, f"{shot}-dark")
        page.emulate_media(media="print", color_scheme="light")
        save(page, f"{shot}-print")
        page.emulate_media(media="screen")
        page.set_viewport_size(PHONE)
        save(page, f"{shot}-phone")


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    SHOWN.mkdir(exist_ok=True)
    with serving(Settings()) as client, sync_playwright() as started:
        browser = started.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page()
        for name, path in PAGES.items():
            take(page, str(client.base_url).rstrip("/"), name, path)
        browser.close()
    for name in README:
        shutil.copy(FOLDER / f"{name}-en-wide.png", SHOWN / f"{name}.png")


if __name__ == "__main__":
    main()
