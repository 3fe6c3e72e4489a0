"""`make refresh` raises every range to what PyPI has now, or changes nothing."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import UV, succeeds, tracked

TEMPLATE = Path(__file__).resolve().parent.parent
RENDER = "{{cookiecutter.project_slug}}/pyproject.toml"
IMAGE = "{{cookiecutter.project_slug}}/Dockerfile"
OWN = ["pyproject.toml", "uv.lock", ".python-version", "cookiecutter.json", "scripts"]
PARTS = [*OWN, RENDER, IMAGE]

pytestmark = pytest.mark.slow


@pytest.fixture
def template(tmp_path: Path) -> Path:
    """What the command reads and writes, with ranges of years ago."""
    for name in PARTS:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        if (TEMPLATE / name).is_dir():
            shutil.copytree(TEMPLATE / name, tmp_path / name)
        else:
            shutil.copy(TEMPLATE / name, tmp_path / name)
    put(tmp_path / "pyproject.toml", "pytest", "8.0", "9")
    put(tmp_path / RENDER, "redis", "5.0", "6")
    put(tmp_path / RENDER, "uvicorn[standard]", "0.30", "0.31")
    put(tmp_path / IMAGE, "uv", "0.5", "0.6")
    return tmp_path


def put(path: Path, name: str, least: str, below: str) -> None:
    text = path.read_text(encoding="utf-8")
    changed = re.sub(rf'"{re.escape(name)}>=[^"]+"', f'"{name}>={least},<{below}"', text)
    assert changed != text
    path.write_text(changed, encoding="utf-8")


def refresh(template: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "scripts/refresh.py"],
        cwd=template,
        env=os.environ | {"UV": UV} | environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def test_ranges_and_locks_are_raised_and_nothing_else_changes(template: Path) -> None:
    done = refresh(template)

    assert done.returncode == 0, done.stderr
    assert "  pytest>=8.0,<9 " in done.stdout
    assert "  redis>=5.0,<6 " in done.stdout
    assert done.stdout.endswith("\nNext: make test\n")
    succeeds(UV, "lock", "--check", folder=template)
    assert "uv>=0.5" not in (template / IMAGE).read_text()
    for name in ("pyproject.toml", RENDER, IMAGE):
        there, ours = (folder.joinpath(name).read_text() for folder in (template, TEMPLATE))
        assert "8.0,<9" not in there
        assert "5.0,<6" not in there
        assert there.count('"uvicorn[standard]>=0.30') == 0
        assert [line for line in there.splitlines() if ">=" not in line] == [
            line for line in ours.splitlines() if ">=" not in line
        ]


@pytest.mark.parametrize("reason", ["no index answers", "no version will do"])
def test_what_cannot_be_resolved_changes_nothing(template: Path, reason: str) -> None:
    environment = {}
    if reason == "no version will do":
        put(template / "pyproject.toml", "pytest", "999999.0", "9999999")
    else:
        environment["UV_DEFAULT_INDEX"] = "http://127.0.0.1:9/simple"
        environment["UV_HTTP_RETRIES"] = "0"
    before = tracked(template)

    done = refresh(template, **environment)

    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "Nothing was changed." in done.stderr
    assert tracked(template) == before
