"""Django's own tests pass with the lean handler and middleware in the place of Django's.

They come from Django's source distribution, at the version that the project locks.
"""

import hashlib
import io
import re
import tarfile
import tomllib
from pathlib import Path

import httpx
import pytest
from conftest import Project

MODULES = [
    *("asgi", "async", "auth_tests", "conditional_processing", "csrf_tests", "decorators"),
    *("deprecation", "handlers", "messages_tests", "middleware", "sessions_tests", "signals"),
    "test_client",
]


@pytest.fixture(scope="module")
def django_tests(default_project: Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of Django's tests, from the source distribution that the lock file names."""
    lock = tomllib.loads((default_project.path / "uv.lock").read_text(encoding="utf-8"))
    django = next(package for package in lock["package"] if package["name"] == "django")
    response = httpx.get(django["sdist"]["url"], follow_redirects=True, timeout=60)
    response.raise_for_status()
    digest = hashlib.sha256(response.content).hexdigest()
    assert f"sha256:{digest}" == django["sdist"]["hash"]
    folder = tmp_path_factory.mktemp("django")
    with tarfile.open(fileobj=io.BytesIO(response.content)) as archive:
        archive.extractall(folder, filter="data")
    return folder / f"django-{django['version']}" / "tests"


@pytest.mark.slow
def test_djangos_own_tests_pass_on_the_lean_request_path(
    default_project: Project, django_tests: Path
) -> None:
    launcher = Path(__file__).parent / "inside" / "django_suite.py"

    done = default_project.run(
        *("--directory", str(django_tests), "--project", str(default_project.path)),
        *("python", "-W", "ignore", str(launcher), *MODULES),
        PYTHONPATH=str(default_project.path),
    )

    assert done.returncode == 0, done.stdout
    passed = re.search(r"Ran (\d+) tests", done.stdout)
    assert passed
    assert int(passed[1]) > 2000
    assert "'LeanASGIHandler': " in done.stdout
    assert "'CsrfViewMiddleware': " in done.stdout
