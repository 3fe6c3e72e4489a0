"""The continuous integration that a project comes with is well-formed and safe."""

from collections.abc import Callable
from pathlib import Path

import pytest
from answers import Answers, every_combination
from conftest import succeeds

pytestmark = pytest.mark.slow

TEMPLATE = Path(__file__).resolve().parent.parent
SCHEMAS = {
    ".github/workflows/ci.yml": "vendor.github-workflows",
    ".github/dependabot.yml": "vendor.dependabot",
    ".gitlab-ci.yml": "vendor.gitlab-ci",
    "renovate.json": "vendor.renovate",
}


def of(ci: str) -> list[Answers]:
    return [answers for answers in every_combination() if answers["ci"] == ci]


@pytest.mark.parametrize("ci", ["github", "gitlab"])
def test_every_file_keeps_to_its_schema(render: Callable[..., Path], ci: str) -> None:
    for name, schema in SCHEMAS.items():
        found = [path for answers in of(ci) if (path := render(**answers) / name).exists()]
        if found:
            succeeds("check-jsonschema", "--builtin-schema", schema, *found)


def test_workflows_have_no_known_weakness(render: Callable[..., Path]) -> None:
    folders = [render(**answers) / ".github" for answers in of("github")]

    succeeds("zizmor", "--offline", "--no-progress", *folders, TEMPLATE / ".github")
