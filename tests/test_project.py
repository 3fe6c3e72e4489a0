"""Rendered projects pass their own checks: style, format, imports, types, migrations and tests."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from answers import LARGEST, SAMPLE, Answers, describe
from conftest import Project


@pytest.mark.slow
@pytest.mark.parametrize("answers", SAMPLE, ids=describe)
def test_a_project_passes_its_own_checks(
    install: Callable[[Answers], Project], answers: Answers
) -> None:
    done = install(answers).run("just", "check")

    assert done.returncode == 0, done.stdout
    assert re.search(r"\d+ passed", done.stdout)
    assert "skipped" not in done.stdout


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
