"""The image and the composition of every combination: well-formed, safe, without a password."""

import json
import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from answers import Answers, describe, every_combination
from conftest import Project, leave_out, succeeds

pytestmark = pytest.mark.slow

WITH_DOCKER = [
    answers for answers in every_combination() if answers["use_docker"] and answers["ci"] == "none"
]
OURS = {"web", "migrate", "worker", "beat"}
"""The services that run the project's own image, where they are."""


def services(project: Path, name: str = "compose.yaml") -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((project / name).read_text(encoding="utf-8"))["services"]
    return found


def test_every_file_is_well_formed(render: Callable[..., Path]) -> None:
    projects = [render(**answers) for answers in WITH_DOCKER]
    if shutil.which("hadolint") is None:
        leave_out("hadolint", a_service=False)

    succeeds("hadolint", *[project / "Dockerfile" for project in projects])
    for name in ("compose.yaml", "compose.override.yaml"):
        files = [project / name for project in projects]
        succeeds("check-jsonschema", "--builtin-schema", "vendor.compose-spec", *files)


@pytest.mark.parametrize("answers", WITH_DOCKER, ids=describe)
def test_the_composition_is_of_what_was_chosen(
    render: Callable[..., Path], answers: Answers
) -> None:
    project = render(**answers)
    expected = {"web", "migrate"}
    if answers["database"] == "postgresql":
        expected.add("postgres")
    if answers["celery_broker"] != "none":
        expected |= {"worker", "beat", answers["celery_broker"]}

    there = services(project)

    assert set(there) == expected
    assert set(services(project, "compose.override.yaml")) <= expected | {"stubs"}
    for name, service in there.items():
        for needed, condition in service.get("depends_on", {}).items():
            # What is waited for says when it is there.
            if condition["condition"] == "service_healthy":
                assert "test" in there[needed]["healthcheck"], name
        for volume in service.get("volumes", ()):
            text = (project / "compose.yaml").read_text(encoding="utf-8")
            assert volume.partition(":")[0] in yaml.safe_load(text)["volumes"]


@pytest.mark.parametrize("answers", WITH_DOCKER, ids=describe)
def test_the_composition_gives_away_nothing(render: Callable[..., Path], answers: Answers) -> None:
    project = render(**answers)
    for name, service in services(project).items():
        assert "no-new-privileges:true" in service["security_opt"], name
        assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory"}, name
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ())), name
        if name in OURS:
            assert service["read_only"], name
            assert service["cap_drop"] == ["ALL"], name

    text = (project / "compose.yaml").read_text(encoding="utf-8")
    in_env = dict(re.findall("^([A-Z_]+)=(.*)$", (project / ".env").read_text(), re.MULTILINE))
    example = (project / ".env.example").read_text(encoding="utf-8")
    asked_for = set(re.findall(r"\$\{(\w+):\?", text))
    secrets = [in_env[name] for name in asked_for]
    assert len(set(secrets)) == len(secrets)
    for secret in secrets:
        assert len(secret) >= 50
        assert secret not in text + example
    assert not re.search(r"(?i)pass(word)?: (?!\$\{)", text)


@pytest.mark.parametrize("answers", WITH_DOCKER, ids=describe)
def test_the_image_runs_what_just_serve_runs(render: Callable[..., Path], answers: Answers) -> None:
    project = render(**answers)
    dockerfile = (project / "Dockerfile").read_text(encoding="utf-8")
    production = dockerfile.rpartition("\nFROM ")[2]
    command = json.loads(re.findall("^CMD (.*)$", production, re.MULTILINE)[-1])
    recipes = (project / "justfile").read_text(encoding="utf-8")

    assert f"serve:\n    exec {shlex.join(command)}\n" in recipes
    assert re.search("^USER [1-9][0-9]*$", production, re.MULTILINE)


def test_static_files_are_collected_without_a_secret(default_project: Project) -> None:
    done = default_project.run(
        "manage.py", "collectstatic", "--no-input", DJANGO_SETTINGS_MODULE="config.settings.build"
    )

    assert done.returncode == 0, done.stdout
    names = {path.name for path in (default_project.path / "staticfiles").rglob("site.*")}
    assert [name for name in names if re.fullmatch(r"site\.[0-9a-f]+\.css\.(gz|br|zst)", name)]
