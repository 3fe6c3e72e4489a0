"""The pages in a real browser."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import pytest
from answers import Answers, pairwise
from conftest import Project, unused_port
from playwright.sync_api import Page, expect, sync_playwright
from workers import Service, service_on

pytestmark = [pytest.mark.slow, pytest.mark.browser]


@pytest.fixture(scope="module")
def service_url(default_project: Project, upstream_urls: dict[str, str]) -> Iterator[str]:
    default_project.run("manage.py", "migrate", "--verbosity", "0")
    port = unused_port()
    command = ["uvicorn", "config.asgi:application", "--port", str(port), "--log-level", "warning"]
    with default_project.serving(port, *command, **upstream_urls):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def page(chromium: str) -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium,
            args=["--no-sandbox", "--disable-background-networking", "--disable-sync"],
        )
        page = browser.new_page()
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: complaints.append(message.text))
        yield page
        browser.close()
        # A browser complains of an image that is refused, too.
        assert [text for text in complaints if "status of 415" not in text] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_three_tiles_fit_the_screen(
    page: Page, service_url: str, width: int, scheme: Literal["light", "dark"]
) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme)

    page.goto(service_url)

    expect(page.locator(".tile")).to_have_count(3)
    expect(page.locator(".degraded")).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_a_switch_breaks_its_tile_while_one_watches(page: Page, service_url: str) -> None:
    page.goto(service_url)
    analytics = page.locator("#tile-analytics")
    switches = page.locator(".lab-row", has_text="analytics")
    expect(analytics).to_contain_text("Up")

    switches.get_by_role("button", name="Error 500").click()
    expect(analytics).to_contain_text("Answered with status 500.")
    expect(page.locator(".degraded")).to_have_count(1)

    switches.get_by_role("button", name="Healthy").click()
    expect(page.locator(".degraded")).to_have_count(0)


def test_another_browser_sees_the_switch_at_once(page: Page, service_url: str) -> None:
    assert page.context.browser
    watching = page.context.browser.new_page()
    for each in (watching, page):
        each.goto(service_url)
        # From now on it asks by itself every 30 seconds only.
        expect(each.locator(".connection")).to_have_text("Live")

    switches = page.locator(".lab-row", has_text="analytics")
    switches.get_by_role("button", name="Error 500").click()
    expect(watching.locator("#tile-analytics")).to_contain_text("Answered with status 500.")

    switches.get_by_role("button", name="Healthy").click()
    expect(watching.locator(".degraded")).to_have_count(0)


def test_the_page_works_without_javascript(chromium: str, service_url: str) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_context(java_script_enabled=False).new_page()
        page.goto(service_url)
        page.locator(".lab-row", has_text="inventory").get_by_role(
            "button", name="Redirect"
        ).click()
        expect(page.locator("#tile-inventory")).to_contain_text("Answered with status 302.")
        page.locator(".lab-row", has_text="inventory").get_by_role("button", name="Healthy").click()
        expect(page.locator(".degraded")).to_have_count(0)
        browser.close()


# Images

WITH_EVENTS: Answers = {"celery_broker": "redis"}
# Another test installs it, too.
WITHOUT_EVENTS = next(
    answers
    for answers in pairwise()
    if answers.get("celery_broker", "none") != "none"
    and answers["database"] == "sqlite"
    and not answers["use_sse"]
)
PATIENCE = 25_000
"""Milliseconds to wait for a worker; fewer than until a page that is live asks by itself."""


@pytest.fixture(scope="module", params=[WITH_EVENTS, WITHOUT_EVENTS], ids=["events", "no events"])
def images(
    install: Callable[[Answers], Project],
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> Iterator[tuple[Service, str]]:
    """A service with its worker, with no broker to install, and its page for images."""
    service = service_on(install(request.param), tmp_path_factory.mktemp("images"), broker=None)
    # Work for some seconds, which can be seen to get on.
    service = service.changed("IMAGES_SIZES = range(160, 1281, 80)")
    with service.web() as client, service.worker():
        yield service, str(client.base_url.join("/images/"))


@pytest.fixture(scope="module")
def photo(images: tuple[Service, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file to send."""
    service, _ = images
    path = tmp_path_factory.mktemp("photo") / "photo.jpg"
    path.write_bytes(service.image(1600, 1200))
    return path


def test_an_image_is_watched_until_it_is_done_then_deleted(
    page: Page, images: tuple[Service, str], photo: Path
) -> None:
    service, address = images
    page.add_init_script("""
        window.percents = new Set();
        new MutationObserver(() => {
          const bar = document.querySelector("#done");
          if (bar) percents.add(bar.value);
        }).observe(document, {subtree: true, childList: true});
    """)
    page.goto(address)
    page.get_by_label("An image").set_input_files(photo)
    page.get_by_role("button", name="Send").click()

    expect(page.get_by_role("heading", name="photo.jpg")).to_be_visible()
    expect(page.get_by_text("Done", exact=True)).to_be_visible(timeout=PATIENCE)
    picture = page.get_by_role("img", name="The image that was sent")
    expect(picture).to_have_js_property("naturalWidth", 1280)
    assert [percent for percent in page.evaluate("[...percents]") if 0 < percent < 100]
    if service.project.answers.get("use_sse", True):
        expect(page.locator(".connection")).to_have_text("Live")

    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("button", name="Send")).to_be_visible()
    assert service.files() == []


def test_what_is_no_image_is_refused_on_the_page(
    page: Page, images: tuple[Service, str], tmp_path: Path
) -> None:
    _, address = images
    page.set_viewport_size({"width": 360, "height": 800})
    page.goto(address)
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    file = tmp_path / "photo.jpg"
    file.write_text("<svg/>")
    page.get_by_label("An image").set_input_files(file)

    page.get_by_role("button", name="Send").click()

    expect(page.get_by_role("alert")).to_contain_text("This is something else.")
    page.get_by_role("button", name="Send").click(trial=True)  # it can be tried again


def test_images_need_no_javascript(chromium: str, images: tuple[Service, str], photo: Path) -> None:
    service, address = images
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_context(java_script_enabled=False).new_page()
        page.goto(address)
        page.get_by_label("An image").set_input_files(photo)
        page.get_by_role("button", name="Send").click()

        expect(page.get_by_text("Done", exact=True)).to_be_visible(timeout=PATIENCE)
        expect(page.get_by_role("img", name="The image that was sent")).to_be_visible()

        page.get_by_role("button", name="Delete").click()
        expect(page.get_by_role("button", name="Send")).to_be_visible()
        browser.close()
    assert service.files() == []
