"""Whatever a person types is refused with what to type instead, or gives a project that works."""

import os
import tomllib
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from conftest import assert_clean
from cookiecutter.exceptions import FailedHookException
from cookiecutter.main import cookiecutter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.slow

TEMPLATE = Path(__file__).resolve().parent.parent

# Without braces: Cookiecutter renders what is given on its command line before any hook sees it.
CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="{}")
PRINTABLE = st.characters(exclude_categories=["C", "Z"], exclude_characters="{}")
TEXT = st.one_of(
    st.text(CHARACTERS, max_size=40),
    st.text(PRINTABLE, min_size=1, max_size=130),
    st.text(st.sampled_from("\"'\\`$%#<>&=[]-: א🙂ż"), min_size=1, max_size=20),
    st.sampled_from(["CON", "nul", "null", "True", "1e5", "x" * 500, "a\nb", "\u202e", "  ", ""]),
)
SLUGS = st.one_of(
    TEXT,
    st.from_regex(r"[a-z_][a-z0-9_]{0,60}", fullmatch=True),
    st.sampled_from([".", "..", "a/b", "../b", "/b", "a\\b", "a\0b", "x" * 300, "CON", "a:b", "~"]),
)
ODD = {
    "project_name": TEXT,
    "project_slug": SLUGS,
    "author_email": st.one_of(TEXT, st.emails()),
    "author_name": TEXT,
    "description": TEXT,
}
ANSWERS = st.one_of(*(st.fixed_dictionaries({key: odd}) for key, odd in ODD.items()))


@settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(answers=ANSWERS)
def test_it_is_refused_with_a_reason_or_gives_a_project_that_holds_it(
    capfd: pytest.CaptureFixture[str], answers: dict[str, str]
) -> None:
    with TemporaryDirectory() as folder:
        try:
            project = cookiecutter(
                str(TEMPLATE), no_input=True, extra_context=answers, output_dir=folder
            )
        except FailedHookException:
            message = capfd.readouterr().err
            assert "Traceback" not in message
            assert "another value; nothing was written" in message
            assert not list(Path(folder).iterdir())
        else:
            holds(Path(project), answers)


def holds(project: Path, answers: dict[str, str]) -> None:
    metadata = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))
    kept = metadata["tool"]["cruft"]["answers"]
    assert {key: kept[key] for key in answers} == answers
    assert_clean(project)
    assert (project / ".env").exists()
    assert os.listdir(project.parent) == [project.name]  # noqa: PTH208
