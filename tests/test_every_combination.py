"""Every combination of answers: exactly the files that it should have, and clean ones."""

import ast
import re
import sys
import tomllib
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from answers import MANIFEST, Answers, describe, every_combination
from conftest import assert_clean, files

PROJECT = Path(__file__).resolve().parent.parent / "{{cookiecutter.project_slug}}"
FILES = {path.relative_to(PROJECT).as_posix() for path in files(PROJECT)}
LISTED = {path for choices in MANIFEST.values() for paths in choices.values() for path in paths}

pytestmark = pytest.mark.slow


def expected_files(answers: Answers) -> set[str]:
    """Return the files that the manifest leaves with these answers."""
    kept = {
        path
        for key, choices in MANIFEST.items()
        for path in choices.get(str(answers[key]).lower(), [])
    }

    def is_kept(name: str) -> bool:
        return kept >= {path for path in LISTED if name == path or name.startswith(f"{path}/")}

    return {name for name in FILES if is_kept(name)} | {".env"}


@pytest.mark.parametrize("answers", every_combination(), ids=describe)
def test_it_has_exactly_its_files_and_they_are_clean(
    render: Callable[..., Path], answers: Answers
) -> None:
    project = render(**answers)

    there = {path.relative_to(project).as_posix() for path in files(project)}
    assert there == expected_files(answers)
    assert_clean(project)


# By what a dependency is known in the project, where that is not its name.
KNOWN_AS = {
    "argon2-cffi": "Argon2PasswordHasher",
    "dj-database-url": "dj_db_url",
    "django-axes": "axes",
    "django-stubs": "mypy_django_plugin",
    "import-linter": "importlinter",
    "pillow": "PIL",
    "psycopg": "backends.postgresql",
    "pytest-asyncio": "asyncio_mode",
    "pytest-django": "pytest_django",
    "pywin32": "kombu.transport",  # whose file-system transport imports it on Windows
    "rust-just": "just",
    "uvloop": "asgi_lifespan",  # Gunicorn's ASGI worker takes it if it is there
}
COMES_WITH = {
    "celery": ["kombu"],
    "django": ["asgiref"],
    "django-axes": ["axes"],
    "pillow": ["PIL"],
}
OF_THE_PROJECT = {"apps", "config", "core", "stubs"}


@pytest.mark.parametrize("answers", every_combination(), ids=describe)
def test_it_imports_what_it_has_and_has_what_it_imports(
    render: Callable[..., Path], answers: Answers
) -> None:
    project = render(**answers)
    metadata = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = metadata["project"]["dependencies"] + metadata["dependency-groups"]["dev"]
    names = {re.split(r"[\[<>=;]", text)[0] for text in wanted} - {"celery-types"}
    words = [KNOWN_AS.get(name, name).replace("-", "_") for name in names]
    modules = {name.replace("-", "_") for name in names}
    modules |= {module for name in names for module in COMES_WITH.get(name, ())}
    del metadata["project"], metadata["dependency-groups"]
    texts = [path.read_text(encoding="utf-8") for path in project.rglob("*") if is_code(path)]
    text = "\n".join([*texts, str(metadata)])

    assert not [word for word in words if not re.search(rf"\b{word}\b", text)]
    for path in project.rglob("*.py"):
        for module in imported(path.read_text(encoding="utf-8")):
            top, *inside = module.split(".")
            if top in OF_THE_PROJECT:
                place = project.joinpath(top, *inside)
                assert place.is_dir() or place.with_suffix(".py").exists(), f"{path}: {module}"
            elif top not in sys.stdlib_module_names and not (path.parent / f"{top}.py").exists():
                assert top in modules, f"{path}: {module}"


def is_code(path: Path) -> bool:
    return path.suffix == ".py" or path.name in {"justfile", "Procfile"}


@cache  # most files are the same in all combinations
def imported(code: str) -> list[str]:
    """Return the modules that a file's code imports by their full names."""
    modules: list[str] = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            modules += [name.name for name in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            modules.append(node.module)
    return modules
