"""After rendering: what was declined is gone, .env has secrets of its own, git is started."""

import os
import re
import shlex
import stat
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from answers import CHOICES, MANIFEST
from conftest import baked, tracked
from cookiecutter.main import cookiecutter
from pytest_cookies.plugin import Cookies

TEMPLATE = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize(
    ("key", "answer"), [(key, answer) for key in MANIFEST for answer in CHOICES[key]]
)
def test_only_the_paths_that_an_answer_keeps_are_there(
    render: Callable[..., Path], key: str, answer: object
) -> None:
    listed = {path for paths in MANIFEST[key].values() for path in paths}
    kept = set(MANIFEST[key].get(str(answer).lower(), []))

    project = render(**{key: answer})

    assert {path for path in listed if (project / path).exists()} == kept


def test_a_name_without_a_letter_gets_a_slug_all_the_same(cookies: Cookies) -> None:
    assert baked(cookies, project_name="🙂").name == "my_service"


def secret_key(project: Path) -> str:
    line = re.search("^DJANGO_SECRET_KEY=(.*)$", (project / ".env").read_text(), re.MULTILINE)
    assert line
    return line[1]


def test_env_has_a_secret_key_of_its_own(cookies: Cookies) -> None:
    first, second = baked(cookies), baked(cookies)

    assert len(secret_key(first)) >= 50
    assert secret_key(first) != secret_key(second)
    assert secret_key(first) not in (first / ".env.example").read_text()


def test_the_database_password_in_env_is_not_the_one_in_the_example(
    render: Callable[..., Path],
) -> None:
    project = render(database="postgresql")

    assert ":change-me@" in (project / ".env.example").read_text()
    assert "change-me" not in (project / ".env").read_text()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permission bits")
def test_only_the_owner_can_read_env(render: Callable[..., Path]) -> None:
    assert stat.S_IMODE((render() / ".env").stat().st_mode) == 0o600


def test_rendering_over_a_project_leaves_its_env_alone(tmp_path: Path) -> None:
    def render_over() -> Path:
        project = cookiecutter(
            str(TEMPLATE), no_input=True, output_dir=str(tmp_path), overwrite_if_exists=True
        )
        return Path(project)

    before = secret_key(render_over())

    assert secret_key(render_over()) == before


def test_rendering_over_a_project_deletes_only_what_the_template_wrote(tmp_path: Path) -> None:
    def render_over(**answers: object) -> Path:
        project = cookiecutter(
            str(TEMPLATE),
            no_input=True,
            extra_context=answers,
            output_dir=str(tmp_path),
            overwrite_if_exists=True,
        )
        return Path(project)

    project = render_over(use_sse=True)
    mine = project / "apps/events/mine.py"
    mine.write_text("# mine\n")

    render_over(use_sse=False)

    assert [path for path in (project / "apps/events").rglob("*") if path.is_file()] == [mine]
    assert not (project / "stubs/apps.py").exists()


def test_git_would_add_no_secret(render: Callable[..., Path]) -> None:
    added = subprocess.run(
        ["git", "add", "--all", "--dry-run"],
        cwd=render(),
        capture_output=True,
        encoding="utf-8",
        check=True,
    ).stdout

    assert "'manage.py'" in added
    assert "'.env.example'" in added
    assert "'.env'" not in added


def test_a_project_inside_a_repository_is_not_made_another_one(
    cookies: Cookies, tmp_path: Path
) -> None:
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)

    assert not (baked(cookies) / ".git").exists()


def test_a_machine_without_git_still_gets_its_project(
    cookies: Cookies, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")

    project = baked(cookies)

    assert (project / ".env").exists()
    assert not (project / ".git").exists()


@pytest.mark.parametrize(
    "name",
    [
        'O\'Neil "Bob" \\ Żółć 🙂',
        '"""',
        "'''\\",
        "${HOME} $(id) `id`",
        "مرحبا",
        "</title><script>",
    ],
)
def test_what_a_person_might_type_renders_a_project_that_holds_it(
    cookies: Cookies, name: str
) -> None:
    project = baked(
        cookies, project_name=name, project_slug="odd", author_name=name, description=name
    )

    metadata = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))
    assert metadata["project"]["description"] == name
    assert metadata["project"]["authors"][0]["name"] == name
    assert metadata["tool"]["cruft"]["answers"]["project_name"] == name
    settings = (project / "config/settings/base.py").read_text(encoding="utf-8")
    line = re.search("^SERVICE_NAME = (.*)$", settings, re.MULTILINE)
    assert line
    assert eval(line[1]) == name  # noqa: S307
    for path in project.rglob("*.py"):
        compile(path.read_text(encoding="utf-8"), path, "exec")


def test_the_closing_message_lists_the_answers_and_what_to_type_next(
    cookies: Cookies, capfd: pytest.CaptureFixture[str]
) -> None:
    baked(cookies, project_name="Parcel Tracker", server="uvicorn")

    message = capfd.readouterr().out
    assert "Parcel Tracker is ready in parcel_tracker" in message
    assert re.search(r"server +uvicorn", message)
    assert "cd parcel_tracker" in message
    assert "uv run just dev" in message
    assert "\x1b" not in message


@pytest.mark.skipif(os.name == "nt", reason="shlex reads POSIX command lines")
def test_the_command_in_the_closing_message_gives_the_same_project(
    cookies: Cookies, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    first = baked(cookies, project_name='It\'s "mine"', use_sse=False, ci="none")
    message = capfd.readouterr().out
    _, _, line = message.partition("The same once more:\n")

    subprocess.run([*shlex.split(line), "--output-dir", tmp_path / "again"], check=True)

    second = tmp_path / "again" / first.name
    assert tracked(first) == tracked(second)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signal of a broken pipe")
def test_whoever_reads_the_closing_message_may_leave(tmp_path: Path) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    try:
        done = subprocess.run(
            ["cookiecutter", "--no-input", TEMPLATE, "--output-dir", tmp_path],
            stdout=write_end,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            check=False,
        )
    finally:
        os.close(write_end)

    assert done.returncode == 0
    assert done.stderr == ""
    assert (tmp_path / "my_async_service" / ".env").exists()


@pytest.mark.parametrize(("environment", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
@pytest.mark.skipif(os.name == "nt", reason="Windows has no pseudo-terminals")
def test_a_terminal_gets_colour_unless_it_declines(
    tmp_path: Path, environment: dict[str, str], coloured: bool
) -> None:
    import pty

    terminal, other_end = pty.openpty()
    subprocess.run(
        ["cookiecutter", "--no-input", TEMPLATE, "--output-dir", tmp_path],
        stdout=other_end,
        env={name: value for name, value in os.environ.items() if name != "NO_COLOR"} | environment,
        check=True,
    )
    os.close(other_end)
    message = os.read(terminal, 10_000).decode()
    os.close(terminal)

    assert "is ready" in message
    assert ("\x1b[" in message) == coloured
