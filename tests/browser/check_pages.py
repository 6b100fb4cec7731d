"""Opens the pages in Debian's Chromium, as a reader does: by mouse, by keyboard alone, without script, on a phone, on
paper; and checks their accessibility (axe-core) and their HTML (vnu). `make browser` installs the tools and runs this;
what cannot be had is told as a skip."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from app.settings import PROJECT, Settings
from tests.conftest import serving

HERE = Path(__file__).parent
TOOLS = PROJECT / ".venv-browser" / "bin"
CHROMIUM = shutil.which("chromium")
AXE = HERE / "node_modules" / "axe-core" / "axe.min.js"
VNU = HERE / "node_modules" / "vnu-jar" / "build" / "dist" / "vnu.jar"
MOST_BYTES = 100_000  # of a page with everything that it needs

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="NO BROWSER: there is no chromium here")
playwright = pytest.importorskip("playwright.sync_api", reason="NO BROWSER: `make browser` installs playwright")

LIST = "/budget-lines"
LINE = "/budget-lines/biosimilar-manufacturing-sites-fy2025-supplementary"
# Every kind of page, with its status.
PAGES = {
    "/": 200, LIST: 200, f"{LIST}?ministry=mhlw&pillar=3&sort=amount&order=desc": 200, "/measures?limit=3": 200,
    "/measures?limit=0": 200, "/measures?q=zzz": 200, "/measures?fields=id,name,amount": 200, "/documents": 200,
    "/organizations": 200, LINE: 200, "/measures/biosimilar-uptake": 200, "/documents/cao-20260203-bio": 200,
    "/organizations/mhlw": 200, "/packages/fy2025-supplementary-drug-discovery": 200, "/sections/hp3-4.5": 200,
    "/crosswalk": 200, "/crosswalk?section=4.3": 200, "/crosswalk?section=9": 422, "/guide": 200,
    "/packages/fy2025-supplementary-drug-discovery/reconciliation": 200, "/documents/cao-20260203-bio?from=9": 200,
    "/search": 200, "/search?q=薬": 200, "/search?q=zzz": 200, "/docs": 200, "/docs/budget-lines": 200,
    "/docs/search": 200, "/docs/schemas": 200, "/terms": 200, "/stability": 200, "/nowhere": 404,
    "/measures/nothing": 404, "/measures?ministry=mhwl&x=1": 422,
}  # fmt: skip


def run(*command: str | Path) -> str:
    """What a command prints; its failure is the test's, with what it said."""
    env = {**os.environ, "PATH": f"{TOOLS}:{os.environ['PATH']}"}
    result = subprocess.run([*map(str, command)], cwd=HERE, env=env, capture_output=True, text=True, check=False)
    assert result.returncode == 0, f"{result.stdout}\n{result.stderr}"
    return result.stdout


@pytest.fixture(scope="module")
def address(first: Settings) -> Iterator[str]:
    with serving(first.model_copy(update={"cache_bytes": 2**24})) as client:
        yield str(client.base_url).rstrip("/")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


class Reader:
    """A window of the browser. Whatever the console says and whatever is requested of another host is kept."""

    def __init__(self, browser: Any, address: str, **options: Any) -> None:
        self.address = address
        self.said: list[str] = []
        self.elsewhere: list[str] = []
        self.context = browser.new_context(**{"locale": "en-GB", **options})
        self.page = self.context.new_page()
        self.page.on("console", lambda message: self.said.append(message.text) if message.type == "error" else None)
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self._asked(request.url))

    def _asked(self, url: str) -> None:
        if not url.startswith(self.address):
            self.elsewhere.append(url)

    def open(self, path: str) -> Any:
        return self.page.goto(f"{self.address}{path}")

    @property
    def path(self) -> str:
        """The address that the window shows, without the host."""
        return str(self.page.url).removeprefix(self.address)

    def shows(self, total: str) -> None:
        """Waits until so many rows are told."""
        playwright.expect(self.page.locator(".total")).to_have_text(total)


@pytest.fixture
def read(browser: Any, address: str) -> Iterator[Any]:
    """Opens windows; at the end, none has said anything on its console, nor asked another host."""
    windows: list[Reader] = []

    def opened(**options: Any) -> Reader:
        windows.append(Reader(browser, address, **options))
        return windows[-1]

    yield opened
    for window in windows:
        window.context.close()
        assert not window.elsewhere
        # The browser itself tells of pages whose status is an error.
        assert not [text for text in window.said if "the server responded with a status" not in text]


def test_filters_answer_as_they_are_chosen_and_the_address_can_be_shared(read: Any) -> None:
    window = read()
    window.open(f"{LIST}?lang=en")
    window.shows("11 rows")
    window.page.get_by_label("Ministry of Health, Labour and Welfare").check()
    window.page.wait_for_url("**/budget-lines?*ministry=mhlw*")
    window.page.get_by_label("3 Promoting innovative drug discovery").check()
    window.page.wait_for_url("**pillar=*")
    window.shows("2 rows")
    assert window.page.get_by_label("Ministry of Health, Labour and Welfare").is_checked()
    other = read()
    other.open(window.path)
    assert other.page.inner_text(".records") == window.page.inner_text(".records")
    window.page.go_back()
    window.shows("7 rows")
    window.page.go_back()
    window.shows("11 rows")
    window.page.get_by_label("Biosimilars").check()
    window.page.wait_for_url("**modality=biosimilar*")
    window.shows("1 rows")
    window.page.locator(".chips a").first.click()
    window.shows("11 rows")
    assert "modality" not in window.path


def test_the_language_is_the_browsers_or_the_one_in_the_address(read: Any) -> None:
    window = read(locale="ja-JP")
    window.open(f"{LIST}?ministry=mhlw")
    assert window.page.locator("html").get_attribute("lang") == "ja"
    assert "481億円程度" in window.page.inner_text(".records")
    window.page.get_by_role("link", name="English").click()
    window.page.wait_for_url("**lang=en")
    assert "ministry=mhlw" in window.path
    assert "about ¥48.1 billion" in window.page.inner_text(".records")
    window.page.locator(".records tbody a").first.click()
    window.page.wait_for_url("**/budget-lines/*")
    assert window.page.locator("html").get_attribute("lang") == "en"


def test_sorts_pages_and_yen(read: Any) -> None:
    window = read()
    window.open(f"{LIST}?limit=4")
    window.page.get_by_role("link", name="Amount", exact=True).click()
    window.page.wait_for_url("**sort=amount&order=desc**")
    assert window.page.locator("th[aria-sort=descending]").inner_text().startswith("Amount")
    assert "about ¥168.8 billion" in window.page.locator(".records tbody tr").first.inner_text()
    assert not window.page.get_by_text("168,800,000,000 yen").is_visible()
    window.page.get_by_label("Show yen").check()
    assert window.page.get_by_text("168,800,000,000 yen").is_visible()
    window.page.get_by_role("link", name="Next").click()
    window.page.wait_for_url("**cursor=*")
    assert "168.8" not in window.page.inner_text(".records")


def test_suggestions_by_keyboard(read: Any) -> None:
    window = read()
    window.open("/?lang=en")
    window.page.get_by_role("combobox").press_sequentially("biosim")
    window.page.get_by_role("option").first.wait_for()
    window.page.keyboard.press("ArrowDown")
    assert window.page.get_by_role("combobox").get_attribute("aria-activedescendant")
    window.page.keyboard.press("Enter")
    window.page.wait_for_url("**modality=biosimilar**")
    assert "lang=en" in window.path


def test_the_keyboard_reaches_everything_and_is_always_seen(read: Any) -> None:
    window = read(viewport={"width": 1280, "height": 900})
    window.open(LIST)
    seen = set()
    for _ in range(400):
        window.page.keyboard.press("Tab")
        found = window.page.evaluate(
            """() => { const at = document.activeElement;
            const box = at.getBoundingClientRect(), style = getComputedStyle(at);
            const outlined = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
            return at === document.body ? null : [at.tagName, at.id || at.getAttribute("href") || at.textContent,
              outlined && box.width > 0 && box.height > 0]; }"""
        )
        if found is None:
            break
        name, which, visible = found
        assert visible, found
        seen.add((name, which))
    names = {which for _, which in seen}
    assert {"#main", "find", "f-ministry-0", "f-joint", "f-amount_min", "yen"} <= names
    assert any("sort=amount" in each for each in names)
    window.page.locator("#f-ministry-0").focus()
    window.page.keyboard.press("Space")
    window.page.wait_for_url("**ministry=*")
    playwright.expect(window.page.locator("#f-ministry-0")).to_be_focused()


def test_everything_works_without_script(read: Any) -> None:
    window = read(java_script_enabled=False, viewport={"width": 1280, "height": 900})
    window.open(LIST)
    window.page.get_by_label("Ministry of Health, Labour and Welfare").check()
    window.page.get_by_label("Amount from (yen)").fill("10000000000")
    window.page.get_by_role("button", name="Show").click()
    window.page.wait_for_url("**ministry=mhlw**")
    window.shows("4 rows")
    window.page.get_by_role("link", name="Amount", exact=True).click()
    window.page.wait_for_url("**sort=amount**")
    window.page.locator(".chips a").first.click()
    window.shows("6 rows")
    window.page.get_by_role("searchbox", name="Search everything").fill("バイオ")
    window.page.get_by_role("button", name="Search").click()
    window.page.wait_for_url("**/search?q=*")
    window.page.locator(".found a").first.click()
    assert window.page.locator(".evidence blockquote").count()


def test_a_number_leads_to_its_marked_words_in_two_clicks(read: Any) -> None:
    for lang, number, words in (("ja", "3,300億円程度", "3,300億円"), ("en", "about ¥168.8 billion", "1,688億円程度")):
        window = read()
        window.open(f"/?lang={lang}")
        window.page.locator(".sentences .words", has_text=number).first.click()
        window.page.wait_for_url("**/documents/cao-20260203-bio**#L*")
        line = window.page.locator("li:target")
        assert words in line.locator("mark").first.inner_text()
        assert line.evaluate(
            "(each) => { const box = each.getBoundingClientRect(); return box.top >= 0 && box.bottom <= innerHeight; }"
        )
        line.locator(".facts a").first.click()
        window.page.wait_for_url("**/*?lang=*")
        assert words in window.page.inner_text("main")


def test_a_chart_shows_the_drawing_that_the_window_has_room_for(read: Any) -> None:
    for width in (320, 1200):
        window = read(viewport={"width": width, "height": 800})
        for path in ("/?lang=en", "/crosswalk?lang=ja"):
            window.open(path)
            assert window.page.locator(".picture svg:visible").count() == 1
        for name in ("budget-by-pillar", "budget-by-ministry", "budget-by-section", "crosswalk"):
            window.open(f"/v1/charts/{name}.svg?lang=ja&width={max(width, 280)}")
            boxes = window.page.evaluate(
                "[...document.querySelectorAll('text')].map((each) => each.getBBox()).map((box) => box.x + box.width)"
            )
            assert boxes
            assert max(boxes) <= width + 1, (name, max(boxes))


@pytest.mark.parametrize(("lang", "width"), [("ja", 320), ("en", 320), ("ja", 768), ("en", 1000), ("en", 1280)])
def test_no_page_scrolls_sideways(read: Any, lang: str, width: int) -> None:
    window = read(viewport={"width": width, "height": 640}, java_script_enabled=True)
    for path in PAGES:
        window.open(f"{path}{'&' if '?' in path else '?'}lang={lang}")
        for details in window.page.locator("details:not([open]) > summary").all():
            if details.is_visible():
                details.click()
        found = window.page.evaluate("document.documentElement.scrollWidth")
        assert found <= width, (path, found)


def test_paper_has_the_content_alone(read: Any) -> None:
    window = read()
    window.open(LIST)
    window.page.emulate_media(media="print")
    assert window.page.locator(".records").is_visible()
    for hidden in (".search", ".pages", ".filters", ".languages"):
        assert not window.page.locator(hidden).is_visible()
    assert len(window.page.pdf()) > 10_000


def test_an_answer_that_fails_is_told_with_a_way_to_try_again(read: Any) -> None:
    window = read()
    window.open(f"{LIST}?lang=en")
    failing = [True]
    window.page.route(
        "**/budget-lines?*ministry=*", lambda route: route.fulfill(status=503) if failing[0] else route.continue_()
    )
    window.page.get_by_label("Cabinet Office").check()
    again = window.page.get_by_role("link", name="Try again")
    again.wait_for()
    failing[0] = False
    again.click()
    window.page.wait_for_url("**ministry=cao**")
    window.shows("1 rows")


def test_code_is_copied_with_the_host_that_the_reader_sees(read: Any, address: str) -> None:
    window = read(permissions=["clipboard-read", "clipboard-write"])
    window.open(f"{LIST}?ministry=mhlw")
    window.page.locator("summary", has_text="curl").click()
    window.page.locator("pre:visible .copy").click()
    window.page.wait_for_selector(".state")
    copied = window.page.evaluate("navigator.clipboard.readText()")
    assert copied == f"curl '{address}/v1/budget-lines?ministry=mhlw'\n"


def test_pages_are_light(read: Any, address: str) -> None:
    assets = ("/static/style.css", "/static/script.js", "/static/icon.svg")
    with httpx.Client(base_url=address, headers={"Accept-Encoding": "gzip"}) as client:

        def size(path: str) -> int:
            with client.stream("GET", path) as response:
                return sum(map(len, response.iter_raw()))

        needed = sum(map(size, assets))
        for path in PAGES:
            assert needed + size(path) < MOST_BYTES, path
    window = read()
    requests: list[str] = []
    window.page.on("request", lambda request: requests.append(request.resource_type))
    window.open(LIST)
    assert requests.count("document") == 1
    assert requests.count("stylesheet") == 1
    assert "font" not in requests


@pytest.fixture(scope="module")
def _checkers() -> None:
    if not (TOOLS / "npm").exists() and shutil.which("npm") is None:
        pytest.skip("NO CHECKERS: there is no npm here")
    run("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts")


@pytest.mark.usefixtures("_checkers")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("lang", ["ja", "en"])
def test_axe_finds_no_violation(read: Any, lang: str, scheme: str) -> None:
    wide, narrow = read(color_scheme=scheme), read(color_scheme=scheme, viewport={"width": 390, "height": 800})
    for window in (wide, narrow):
        for path, status in PAGES.items():
            assert window.open(f"{path}{'&' if '?' in path else '?'}lang={lang}").status == status
            if window is narrow:
                window.page.evaluate("document.querySelectorAll('details').forEach((each) => (each.open = true))")
            window.page.evaluate(AXE.read_text())
            found = window.page.evaluate("axe.run()")
            told = [(each["id"], [node["html"] for node in each["nodes"]][:3]) for each in found["violations"]]
            assert not told, (path, told)


@pytest.mark.usefixtures("_checkers")
@pytest.mark.skipif(shutil.which("java") is None, reason="NO CHECK OF HTML: there is no java here")
def test_vnu_finds_no_error(address: str, tmp_path: Path) -> None:
    files: dict[str, str] = {}
    for path, status in PAGES.items():
        for lang in ("ja", "en"):
            url = f"{address}{path}{'&' if '?' in path else '?'}lang={lang}"
            response = httpx.get(url, headers={"Accept": "text/html"})
            assert response.status_code == status, url
            file = tmp_path / f"{len(files)}.html"
            file.write_bytes(response.content)
            files[str(file)] = url
    style = tmp_path / "style.css"
    style.write_bytes(httpx.get(f"{address}/static/style.css").content)
    for kind, checked in (("--html", list(files)), ("--css", [str(style)])):
        command = ["java", "-jar", str(VNU), kind, "--format", "json", "--exit-zero-always", *checked]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        told = orjson.loads(result.stderr)["messages"]
        assert not [(files.get(each["url"].removeprefix("file:")), each) for each in told if each["type"] == "error"]
