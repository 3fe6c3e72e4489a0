"""What the README says is so; its other commands are run where what they do is tested."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
import time
import tomllib
from pathlib import Path

import httpx
import pytest
import readme
from answers import CHOICES, CONTEXT, FEATURES, PAIRS, SAMPLE, every_combination
from conftest import UV, Project, leave_out

BENCHMARKS = (readme.TEMPLATE / "docs/benchmarks.md").read_text(encoding="utf-8")


def test_it_counts_what_the_tests_go_through() -> None:
    assert f"**{len(every_combination())} combinations**" in readme.TEXT
    assert f"**{len(SAMPLE)} projects**" in readme.TEXT
    assert f"**{len(PAIRS)} pairs of answers**" in readme.TEXT
    assert all(any(pair.items() <= answers.items() for answers in SAMPLE) for pair in PAIRS)


def test_its_first_sentence_quotes_the_benchmarks() -> None:
    opening = readme.TEXT.partition("\n    ")[0]
    measured = re.findall(r"^\| \*\*.+?\*\* \| \*\*([\d.]+)\*\* ", BENCHMARKS, re.MULTILINE)

    quoted = re.findall(r"\*\*(\d+)\*\*", opening)
    assert quoted
    assert set(quoted) <= set(measured)


def test_its_code_is_the_projects() -> None:
    services = readme.TEMPLATE / "{{cookiecutter.project_slug}}/apps/dashboard/services.py"

    assert textwrap.indent(readme.BLOCKS["python"], " " * 4) in services.read_text(encoding="utf-8")


def test_what_it_says_of_the_database_is_measured() -> None:
    said = "0.93 of the rate of a sync view under threads"

    assert said in " ".join(readme.TEXT.split())
    assert said in " ".join(BENCHMARKS.split())


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "AGENTS.md"])
def test_every_command_of_make_that_is_named_exists(page: str) -> None:
    text = (readme.TEMPLATE / page).read_text(encoding="utf-8")
    makefile = (readme.TEMPLATE / "Makefile").read_text(encoding="utf-8")

    named = re.findall(r"(?:`|^ +)make ([a-z-]+)", text, re.MULTILINE)
    assert named
    assert set(named) <= set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))


@pytest.mark.parametrize("key", FEATURES)
def test_it_lists_every_answer_the_default_first(key: str) -> None:
    [row] = re.findall(rf"^\| `{key}` \| (.+?) \|", readme.TEXT, re.MULTILINE)

    names = [str(choice).lower() for choice in CHOICES[key]]
    assert row == ", ".join(f"`{name}`" for name in names)


def test_the_version_is_the_same_wherever_it_stands() -> None:
    pyproject = tomllib.loads((readme.TEMPLATE / "pyproject.toml").read_text(encoding="utf-8"))
    changes = (readme.TEMPLATE / "CHANGELOG.md").read_text(encoding="utf-8")

    version = re.search(r"^## (\d+\.\d+\.\d+)", changes, re.MULTILINE)
    assert version
    assert version[1] == pyproject["project"]["version"] == CONTEXT["_template_version"]


def test_its_links_and_pictures_are_there_and_small() -> None:
    found = re.findall(r'(?:\]\(|src(?:set)?=")((?!https:)[^)"#]+)', readme.TEXT)

    paths = [readme.TEMPLATE / name for name in found]
    assert [path for path in paths if not path.is_file()] == []
    pictures = [path for path in paths if path.suffix in {".png", ".svg"}]
    assert len(pictures) == 3
    assert all(path.stat().st_size < 150_000 for path in pictures)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")
@pytest.mark.parametrize("command", [readme.TEST, readme.TEST_FAST])
def test_the_commands_for_tests_find_them(command: str) -> None:
    done = subprocess.run(
        readme.words(command),
        cwd=readme.TEMPLATE,
        env=os.environ
        | {"PYTEST_ADDOPTS": "--collect-only --quiet tests/test_demo.py tests/test_prompts.py"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
    )

    assert done.returncode == 0, done.stdout
    assert re.search(r"\b\d+(/\d+)? tests collected", done.stdout)
    assert "test_prompts.py" in done.stdout
    assert ("test_demo.py" in done.stdout) == (command == readme.TEST)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="a POSIX shell and its signals")
def test_the_first_commands_start_a_service_that_has_its_upstreams(
    default_project: Project, tmp_path: Path
) -> None:
    for port in (8000, 8001):
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if listener.connect_ex(("127.0.0.1", port)) == 0:
                leave_out(f"a free port {port}", a_service=False)
    (tmp_path / "my_async_service").symlink_to(default_project.path)
    path = f"{Path(UV).parent}{os.pathsep}{os.environ['PATH']}"

    shell = subprocess.Popen(
        ["bash", "-c", f"{readme.ENTER}\n{readme.DEV}"],
        cwd=tmp_path,
        env=default_project.environment | {"PATH": path},
        start_new_session=True,
    )
    try:
        page = first_answer("http://127.0.0.1:8000/", shell)
    finally:
        os.killpg(shell.pid, signal.SIGINT)
        shell.wait(timeout=30)

    assert page.count(">Up<") == 3


def first_answer(url: str, process: subprocess.Popen[bytes]) -> str:
    give_up = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < give_up:
        try:
            return httpx.get(url, timeout=10).raise_for_status().text
        except httpx.TransportError:
            time.sleep(0.1)
    raise RuntimeError(f"Nothing answers at {url}; the output says why.")
