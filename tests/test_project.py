"""Rendered projects pass their own checks, tests among them, and serve as they do in production."""

import re
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from answers import LARGEST, SAMPLE, Answers, describe
from conftest import Project, rabbitmq_url, redis_server, unused_port
from production import HEADERS, prepare, serve_command


@pytest.mark.slow
@pytest.mark.parametrize("answers", SAMPLE, ids=describe)
def test_a_project_passes_its_own_checks(
    install: Callable[[Answers], Project], answers: Answers
) -> None:
    done = install(answers).run("just", "check")

    assert done.returncode == 0, done.stdout
    assert re.search(r"\d+ passed", done.stdout)
    assert "skipped" not in done.stdout


@pytest.fixture
def servers(answers: Answers, tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment that names the real servers which a project uses in production."""
    environment = {}
    with ExitStack() as running:
        if answers.get("celery_broker") == "redis":
            port = unused_port()
            running.enter_context(redis_server(port, tmp_path))
            environment["CELERY_BROKER_URL"] = f"redis://127.0.0.1:{port}/0"
        elif answers.get("celery_broker") == "rabbitmq":
            environment["CELERY_BROKER_URL"] = rabbitmq_url()
        yield environment


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Gunicorn needs a POSIX system")
@pytest.mark.parametrize("answers", SAMPLE, ids=describe)
def test_its_production_command_answers(
    install: Callable[[Answers], Project],
    upstream_urls: dict[str, str],
    servers: dict[str, str],
    answers: Answers,
) -> None:
    project = install(answers)
    database = {key: url for key, url in project.environment.items() if key == "DATABASE_URL"}
    environment = prepare(project, upstream_urls | servers | database)
    port = int(environment["PORT"])

    checked = project.run(
        "manage.py", "check", "--deploy", "--fail-level", "WARNING", **environment
    )
    with (
        project.serving(port, *serve_command(project), **environment),
        httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=HEADERS) as client,
    ):
        ready = client.get("/readyz")
        page = client.get("/")
        dashboard = client.get("/api/dashboard/")

    assert checked.returncode == 0, checked.stdout
    assert ready.json()["status"] == "ready", ready.text
    assert page.text.count(">Up<") == 3
    assert dashboard.json()["errors"] == {}


@pytest.mark.slow
def test_a_name_with_quotes_backslashes_and_emoji_gives_a_valid_project(
    install: Callable[[Answers], Project],
) -> None:
    name = 'O\'Neil "Bob" \\ Żółć 🙂'

    done = install({"project_name": name, "project_slug": "odd", "author_name": name}).run(
        "just", "check"
    )

    assert done.returncode == 0, done.stdout


@pytest.mark.slow
def test_just_lists_the_commands(default_project: Project) -> None:
    done = default_project.run("just")

    for command in ("dev", "test", "lint", "types", "check", "serve"):
        assert re.search(rf"^ +{command}\b", done.stdout, re.MULTILINE), done.stdout


@pytest.mark.slow
def test_upstreams_work_with_the_mocks_that_people_know_and_with_tls(
    default_project: Project,
) -> None:
    extra = ["respx", "pytest-httpx", "trustme"]
    tests = Path(__file__).parent / "inside" / "mocks_and_tls.py"
    copy = shutil.copy(tests, default_project.path / "tests")

    done = default_project.run(
        *[word for name in extra for word in ("--with", name)], "pytest", str(copy)
    )

    Path(copy).unlink()
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
def test_a_postgresql_project_uses_another_database_only_if_it_is_told_to(
    install: Callable[[Answers], Project], tmp_path: Path
) -> None:
    project = install(LARGEST)
    told = {"DATABASE_URL": f"sqlite:///{tmp_path / 'db.sqlite3'}"}

    assert project.run("manage.py", "migrate", **told).returncode == 0
    # Writers at the same time need the settings that the SQLite project has for them.
    tests = ["tests/test_orders.py", "tests/test_health.py", "-k", "not at_the_same_time"]
    done = project.run("pytest", *tests, **told)
    nowhere = project.run("manage.py", "migrate", DATABASE_URL="postgres://u:p@127.0.0.1:1/none")

    assert done.returncode == 0, done.stdout
    assert nowhere.returncode != 0
    assert "connection" in nowhere.stdout
