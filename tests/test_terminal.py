"""The prompts, as a person sees and answers them in a terminal."""

import io
import os
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
import readme
from answers import CHOICES, CONTEXT, PROMPTS

if sys.platform == "win32":
    pytest.skip("Windows has no pseudo-terminals", allow_module_level=True)

import pexpect

LABELS = CONTEXT["__prompts__"]


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator["pexpect.spawn[str]"]:
    """Cookiecutter, started as the README says in `out`, waiting for its first answer."""
    folder = tmp_path / "out"
    folder.mkdir()
    program, *arguments = readme.words(readme.START)
    environment = os.environ | {"COLUMNS": "120", "NO_COLOR": "1", "HOME": str(tmp_path / "home")}
    with pexpect.spawn(
        program,
        arguments,
        cwd=folder,
        env=environment,
        encoding="utf-8",
        timeout=20,
        dimensions=(50, 120),
    ) as process:
        yield process


def label(key: str) -> str:
    text = LABELS[key]
    return text if isinstance(text, str) else text["__prompt__"]


def answer(terminal: "pexpect.spawn[str]", keys: Iterable[str], **answers: str) -> None:
    """Answer these prompts, with the default where there is no other answer."""
    for key in keys:
        terminal.expect_exact(label(key))
        terminal.sendline(answers.get(key, ""))


def test_every_prompt_is_asked_and_enter_takes_the_default(
    terminal: "pexpect.spawn[str]", tmp_path: Path
) -> None:
    answer(terminal, PROMPTS)

    terminal.expect_exact("My Async Service is ready in my_async_service")
    terminal.expect(pexpect.EOF)
    assert (tmp_path / "out/my_async_service/manage.py").is_file()


def test_the_readme_shows_what_is_printed(terminal: "pexpect.spawn[str]") -> None:
    terminal.logfile_read = printed = io.StringIO()
    answer(terminal, PROMPTS)
    terminal.expect(pexpect.EOF)

    # Bold and dim are for the terminal.
    plain = re.sub(r"\x1b\[\d*m", "", printed.getvalue())
    lines = "\n".join(line.rstrip() for line in plain.splitlines())
    for part in readme.transcript():
        _, _, lines = lines.partition("\n".join(part))
        assert lines, part


def test_an_answer_that_is_no_choice_is_asked_for_again(terminal: "pexpect.spawn[str]") -> None:
    until_license = list(PROMPTS)[: list(PROMPTS).index("license") + 1]
    answer(terminal, until_license, license=str(len(CHOICES["license"]) + 1))

    terminal.expect_exact("Please select one of the available options")


def test_ctrl_c_leaves_nothing_behind(terminal: "pexpect.spawn[str]", tmp_path: Path) -> None:
    answer(terminal, ["project_name"], project_name="Shop")
    terminal.expect_exact(label("project_slug"))
    terminal.sendintr()

    terminal.expect(pexpect.EOF)
    assert "Traceback" not in (terminal.before or "")
    assert not list((tmp_path / "out").iterdir())


def test_braces_that_are_typed_are_kept_as_they_are(
    terminal: "pexpect.spawn[str]", tmp_path: Path
) -> None:
    answer(terminal, PROMPTS, description="{{ 7*7 }} {# x #}")

    terminal.expect(pexpect.EOF)
    project = tmp_path / "out/my_async_service"
    assert "{{ 7*7 }} {# x #}" in (project / "README.md").read_text(encoding="utf-8")
