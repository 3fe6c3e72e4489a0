"""Take the README's pictures of the dashboard: the real page, with one upstream too slow.

Needs Chromium. Renders, installs and runs the default project as `make demo` does.
"""

import json
import shutil
import sys
import urllib.request
from contextlib import ExitStack

import demo
from playwright.sync_api import sync_playwright

PICTURES = demo.TEMPLATE / "docs" / "images"
WIDTH = 1040  # three tiles in a row
MARGIN = 32


def main() -> int:
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    chromium = next(filter(None, map(shutil.which, names)), None)
    if chromium is None:
        print("This needs Chromium or Chrome.", file=sys.stderr)
        return 1
    demo.prepare()
    with ExitStack() as servers:
        service, stubs = demo.start(servers)
        misbehave(stubs.url, "analytics", delay=5)
        take(chromium, service.url)
    return 0


def misbehave(stubs_url: str, name: str, **behaviour: object) -> None:
    body = json.dumps(behaviour).encode()
    urllib.request.urlopen(
        urllib.request.Request(f"{stubs_url}/_control/{name}", data=body, method="PUT"), timeout=10
    ).close()


def take(chromium: str, url: str) -> None:
    PICTURES.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for scheme in ("light", "dark"):
            page = browser.new_page(
                viewport={"width": WIDTH, "height": 800},
                device_scale_factor=2,
                color_scheme=scheme,
            )
            page.goto(url)
            page.locator(".degraded").wait_for()
            page.get_by_text("Live", exact=True).wait_for()
            path = PICTURES / f"dashboard-{scheme}.png"
            bottom = page.evaluate(
                "document.querySelector('.tiles').getBoundingClientRect().bottom"
            )
            height = bottom + MARGIN
            page.screenshot(path=path, clip={"x": 0, "y": 0, "width": WIDTH, "height": height})
            print(f"{path.relative_to(demo.TEMPLATE)}: {path.stat().st_size / 1000:.0f} kB")
        browser.close()


if __name__ == "__main__":
    sys.exit(main())
