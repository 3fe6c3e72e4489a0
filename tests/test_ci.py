"""The continuous integration that a project comes with is well-formed and safe."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml
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


VARIABLES = {
    "postgresql": {"DATABASE_URL"},
    "redis": {"CELERY_BROKER_URL", "EVENTS_URL"},
    "rabbitmq": {"CELERY_BROKER_URL"},
}
"""What tells a project's tests to use a server."""


@pytest.mark.parametrize("ci", ["github", "gitlab"])
def test_the_tests_run_with_the_servers_that_were_chosen(
    render: Callable[..., Path], ci: str
) -> None:
    for answers in of(ci):
        chosen = {answers["database"], answers["celery_broker"]} & set(VARIABLES)
        named = set().union(*(VARIABLES[server] for server in chosen))
        if not answers["use_sse"]:
            named -= {"EVENTS_URL"}

        servers, urls = servers_and_urls(render(**answers), ci)

        assert {server.replace("postgres", "postgresql") for server in servers} == chosen
        assert set(urls) == named
        hosts = {urlsplit(url).hostname for url in urls.values()}
        assert hosts == (servers if ci == "gitlab" else {"localhost"} if servers else set())


def servers_and_urls(project: Path, ci: str) -> tuple[set[str], dict[str, str]]:
    if ci == "gitlab":
        job = yaml.safe_load((project / ".gitlab-ci.yml").read_text(encoding="utf-8"))["check"]
        servers, variables = {it["alias"] for it in job.get("services", ())}, job.get("variables")
    else:
        workflow = (project / ".github/workflows/ci.yml").read_text(encoding="utf-8")
        job = yaml.safe_load(workflow)["jobs"]["check"]
        servers, variables = set(job.get("services", ())), job.get("env")
    urls = {name: url for name, url in (variables or {}).items() if name.endswith("_URL")}
    return servers, urls
