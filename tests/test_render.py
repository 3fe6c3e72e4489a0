"""What a render holds, and what it never holds."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from answers import SAMPLE, Answers, describe
from conftest import baked, files
from pytest_cookies.plugin import Cookies

TEMPLATE = Path(__file__).resolve().parent.parent
PROJECT = TEMPLATE / "{{cookiecutter.project_slug}}"

# Where Jinja is allowed to be: the fewer, the better. Each is a list of parts, or names the project.
FILES_WITH_JINJA = {
    ".env.example",
    ".gitignore",
    ".github/dependabot.yml",
    ".github/workflows/ci.yml",
    ".gitlab-ci.yml",
    ".python-version",
    "Dockerfile",
    "LICENSE",
    "Procfile",
    "README.md",
    "compose.override.yaml",
    "compose.yaml",
    "config/gunicorn.conf.py",
    "config/settings/base.py",
    "config/settings/production.py",
    "config/settings/test.py",
    "config/urls.py",
    "justfile",
    "pyproject.toml",
}


def test_jinja_stays_where_it_is_allowed() -> None:
    plain_by_design = {".html"}  # Django's own templates, copied without rendering
    found = {
        path.relative_to(PROJECT).as_posix()
        for path in PROJECT.rglob("*")
        if path.is_file()
        and path.suffix not in plain_by_design
        and re.search("{{|{%|{#", path.read_text(encoding="utf-8"))
    }

    assert found == FILES_WITH_JINJA


@pytest.mark.parametrize("answers", SAMPLE, ids=describe)
def test_nothing_of_the_template_is_left_in_a_render(
    render: Callable[..., Path], answers: Answers
) -> None:
    for path in files(render(**answers)):
        text = path.read_text(encoding="utf-8")
        assert text.strip(), f"{path} is empty"
        assert "cookiecutter." not in text, path
        if path.suffix != ".html" and path.name != "justfile":
            assert not re.search(r"(?<!\$){{|{%", text), path  # ${{ is GitHub's


@pytest.mark.parametrize("answers", SAMPLE, ids=describe)
def test_a_declined_answer_leaves_no_blank_line_scar(
    render: Callable[..., Path], answers: Answers
) -> None:
    for path in files(render(**answers)):
        text = path.read_text(encoding="utf-8")
        most = 2 if path.suffix == ".py" else 1
        assert "\n" * (most + 2) not in text, path
        assert not text.startswith("\n"), path
        assert text.endswith("\n"), path
        assert not text.endswith("\n\n"), path
        if path.name != "LICENSE":
            assert not re.search(r"[ \t]+$", text, re.MULTILINE), path


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        pytest.param({"database": "sqlite"}, ["postgres", "psycopg"], id="without PostgreSQL"),
        pytest.param({"database": "postgresql"}, ["sqlite"], id="without SQLite"),
        pytest.param({"server": "uvicorn"}, ["gunicorn"], id="without Gunicorn"),
        pytest.param(
            {"use_sse": False},
            ["redis", "event-stream", "eventsource", "events_", "apps.events"],
            id="without server-sent events",
        ),
        pytest.param(
            {"celery_broker": "none"}, ["celery", "core.tasks", ".tasks"], id="without Celery"
        ),
        pytest.param({"celery_broker": "redis"}, ["rabbitmq", "amqp"], id="without RabbitMQ"),
        pytest.param(
            {"celery_broker": "rabbitmq", "use_sse": False}, ["redis"], id="without Redis"
        ),
        pytest.param({"use_docker": False}, ["docker", "compose"], id="without Docker"),
        pytest.param({"ci": "none"}, ["github/workflows", "gitlab"], id="without CI"),
    ],
)
def test_a_declined_answer_is_not_mentioned(
    render: Callable[..., Path], answers: Answers, words: list[str]
) -> None:
    for path in files(render(**answers)):
        # The answers themselves, which pyproject.toml keeps, are no mention.
        text = path.read_text(encoding="utf-8").lower().partition("[tool.cruft.answers]")[0]
        assert not [word for word in words if word in text], path


def test_rendering_twice_gives_the_same_bytes(
    render: Callable[..., Path], cookies: Cookies
) -> None:
    first, second = render(), baked(cookies)

    assert {path.relative_to(first) for path in files(first)} == {
        path.relative_to(second) for path in files(second)
    }
    for path in files(first):
        if path.name != ".env":
            assert path.read_bytes() == (second / path.relative_to(first)).read_bytes(), path


def test_the_default_project_is_small(render: Callable[..., Path]) -> None:
    assert len(files(render())) <= 160


@pytest.mark.parametrize("answers", SAMPLE, ids=describe)
def test_every_variable_of_the_environment_that_is_explained_is_read(
    render: Callable[..., Path], answers: Answers
) -> None:
    project = render(**answers)
    explained = re.findall("^([A-Z_]+)=", (project / ".env.example").read_text(), re.MULTILINE)
    readers = [*(project / "config").rglob("*.py"), *project.glob("compose.yaml")]
    code = "".join(path.read_text(encoding="utf-8") for path in readers)

    for name in explained:
        read = name if not name.startswith("UPSTREAM_") else "UPSTREAM_{name.upper()}"
        assert read in code, name
