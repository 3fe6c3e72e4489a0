"""A project that was made with cruft follows the template, with its owner's edits kept."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import readme
from conftest import succeeds, tracked

pytestmark = pytest.mark.slow

TEMPLATE = Path(__file__).resolve().parent.parent
SERVICE = "{{cookiecutter.project_slug}}"
PARTS = ["cookiecutter.json", "hooks", "templates", SERVICE]
CHANGED = "core/health.py"
IDENTITY = {
    f"GIT_{who}_{what}": "ada@example.com"
    for who in ("AUTHOR", "COMMITTER")
    for what in ("NAME", "EMAIL")
}


def run(folder: Path, *command: str) -> None:
    succeeds(*command, folder=folder, **IDENTITY)


def commit(folder: Path) -> None:
    run(folder, "git", "add", "--all")
    run(folder, "git", "commit", "--quiet", "--message", "a step")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template in a repository of its own, and below the tag `older` what came before."""
    folder = tmp_path_factory.mktemp("template")
    ignored = shutil.ignore_patterns("__pycache__", ".*_cache")
    for name in PARTS:
        if (TEMPLATE / name).is_dir():
            shutil.copytree(TEMPLATE / name, folder / name, ignore=ignored)
        else:
            shutil.copy(TEMPLATE / name, folder)
    changed = folder / SERVICE / CHANGED
    newest = changed.read_text(encoding="utf-8")
    changed.write_text(newest.replace("Probes", "Older probes"), encoding="utf-8")
    run(folder, "git", "-c", "init.defaultBranch=main", "init", "--quiet")
    commit(folder)
    run(folder, "git", "tag", "older")
    changed.write_text(newest, encoding="utf-8")
    commit(folder)
    return folder


@pytest.fixture
def make(template: Path, tmp_path: Path) -> Callable[..., Path]:
    """Make a project with cruft, at a state of the template, and edit it as its owner would."""

    def make(checkout: str) -> Path:
        where = ["--checkout", checkout, "--output-dir", str(tmp_path)]
        run(tmp_path, *readme.words(readme.CREATE, template), "--no-input", *where)
        project = tmp_path / "my_async_service"
        with (project / "apps/orders/services.py").open("a", encoding="utf-8") as services:
            services.write("\n\nMINE = True\n")
        commit(project)
        return project

    return make


def test_an_update_brings_what_is_new_and_keeps_edits_and_secrets(
    template: Path, make: Callable[..., Path]
) -> None:
    project = make("older")
    secrets = (project / ".env").read_bytes()
    assert "Older probes" in (project / CHANGED).read_text(encoding="utf-8")

    run(project, *readme.words(readme.UPDATE), "--skip-apply-ask", "--checkout", "main")

    assert (project / CHANGED).read_bytes() == (template / SERVICE / CHANGED).read_bytes()
    assert "MINE = True" in (project / "apps/orders/services.py").read_text(encoding="utf-8")
    assert (project / ".env").read_bytes() == secrets
    assert not list(project.rglob("*.rej"))


@pytest.mark.parametrize(
    "answers",
    [
        json.loads(readme.words(readme.CHANGE)[-1]),
        {"database": "postgresql"},
        {"server": "uvicorn", "ci": "gitlab"},
    ],
)
def test_an_answer_that_is_changed_later_gives_what_a_new_render_gives(
    make: Callable[..., Path], render: Callable[..., Path], answers: dict[str, object]
) -> None:
    project = make("main")
    *command, _ = readme.words(readme.CHANGE)

    run(project, *command, json.dumps(answers), "--skip-apply-ask")

    there, fresh = tracked(project), tracked(render(**answers))
    assert b"MINE = True" in there.pop("apps/orders/services.py")
    del there[".cruft.json"], fresh["apps/orders/services.py"]
    assert there == fresh
