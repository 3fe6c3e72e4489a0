"""The application runs under servers that the template does not offer: nothing ties it to one."""

import signal
import sys

import httpx
import pytest
from conftest import Project, unused_port

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="ends servers with SIGTERM"),
]

ADDRESS = "127.0.0.1"
SERVERS = {
    "Daphne": "--with daphne daphne -b {address} -p {port} config.asgi:application",
    "Hypercorn": "--with hypercorn hypercorn --bind {address}:{port} config.asgi:application",
    "Granian": (
        "--with granian granian --interface asgi --host {address} --port {port}"
        " config.asgi:application"
    ),
    "Gunicorn, WSGI": "gunicorn --bind {address}:{port} config.wsgi:application",
}


@pytest.fixture
def environment(default_project: Project, upstream_urls: dict[str, str]) -> dict[str, str]:
    # Settings that need no proxy which ends TLS.
    environment = {"DJANGO_SETTINGS_MODULE": "config.settings.local", "DJANGO_DEBUG": "false"}
    environment |= upstream_urls
    assert default_project.run("manage.py", "migrate", **environment).returncode == 0
    return environment


@pytest.mark.parametrize("server", SERVERS)
def test_pages_answers_and_streams_come(
    default_project: Project, environment: dict[str, str], server: str
) -> None:
    port = unused_port()
    command = SERVERS[server].format(address=ADDRESS, port=port).split()
    with (
        default_project.serving(port, *command, **environment) as process,
        httpx.Client(base_url=f"http://{ADDRESS}:{port}", timeout=30) as client,
    ):
        assert client.get("/readyz").json()["status"] == "ready"
        assert client.get("/api/dashboard/").json()["errors"] == {}
        page = client.get("/")
        assert page.status_code == 200
        assert "<title>" in page.text
        assert client.get("/static/core/site.css").status_code == 200
        with client.stream("GET", "/events/dashboard/") as stream:
            if "WSGI" in server:
                assert stream.status_code == 501
            else:
                assert next(stream.iter_lines()).startswith("id: ")

        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)
