"""The dashboard page in a real browser."""

from collections.abc import Iterator
from typing import Literal

import pytest
from conftest import Project, unused_port
from playwright.sync_api import Page, expect, sync_playwright

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
        assert complaints == []


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
