"""The how-to pages of the documentation are done in a rendered project, as they are written."""

import re
import shlex
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from answers import Answers
from conftest import Project

PAGES = sorted((Path(__file__).parent.parent / "docs" / "how-to").glob("*.md"))
EVERYTHING: Answers = {"celery_broker": "redis"}
"""What the pages need: workers and, which is the default, events."""

FILE_OR_COMMANDS = re.compile(
    r"^(?:[^\n]*`(?P<path>[\w./-]+)`:\n\n```(?P<kind>\w+)|```console)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@pytest.fixture
def project(install: Callable[[Answers], Project], tmp_path: Path) -> Project:
    """A copy of a project, to be changed."""
    original = install(EVERYTHING)
    path = tmp_path / "service"
    shutil.copytree(original.path, path, ignore=shutil.ignore_patterns(".venv", ".git"))
    environment = {"UV_PROJECT_ENVIRONMENT": str(original.path / ".venv")}
    return replace(original, path=path, environment=original.environment | environment)


@pytest.mark.slow
def test_what_the_pages_say_is_done_and_the_project_is_still_clean(project: Project) -> None:
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        steps = list(FILE_OR_COMMANDS.finditer(text))
        assert len(steps) == len(re.findall(r"^```\w", text, re.MULTILINE)), page
        for step in steps:
            if step["path"] is None:
                run(project, *commands(step["text"]))
            elif step["kind"] == "diff":
                patch(project.path / step["path"], step["text"])
            else:
                create(project.path / step["path"], step["text"])

    run(project, "just lint", "just types", "manage.py makemigrations --check")


def commands(console: str) -> Iterator[str]:
    """Return the commands of a block, each without `uv run`."""
    for line in console.splitlines():
        yield line.removeprefix("$ uv run ")


def run(project: Project, *commands: str) -> None:
    for command in commands:
        done = project.run(*shlex.split(command))
        assert done.returncode == 0, f"{command}\n{done.stdout}"


def create(path: Path, text: str) -> None:
    assert not path.exists(), path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def patch(path: Path, diff: str) -> None:
    """Make a change, the place of which its other lines have to tell."""
    lines = [(line[:1], line[1:]) for line in diff.splitlines(keepends=True)]
    before, after = ("".join(text for mark, text in lines if mark in kept) for kept in (" -", " +"))
    content = path.read_text(encoding="utf-8")
    assert content.count(before) == 1, f"{path}\n{before}"
    path.write_text(content.replace(before, after), encoding="utf-8")
