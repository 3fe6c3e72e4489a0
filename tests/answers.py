"""The answers that the tests render with, read from the prompts, so that a new one is tested."""

import json
from itertools import combinations, product
from pathlib import Path
from typing import Any

from allpairspy import AllPairs

type Answers = dict[str, Any]

CONTEXT: dict[str, Any] = json.loads(
    (Path(__file__).parent.parent / "cookiecutter.json").read_text(encoding="utf-8")
)
PROMPTS = {key: value for key, value in CONTEXT.items() if not key.startswith("_")}
CHOICES: dict[str, list[Any]] = {
    key: value if isinstance(value, list) else [value, not value]
    for key, value in PROMPTS.items()
    if isinstance(value, list | bool)
}
MANIFEST: dict[str, dict[str, list[str]]] = CONTEXT["_manifest"]

DEFAULT: Answers = {}
SMALLEST: Answers = {"server": "uvicorn", "use_sse": False, "use_docker": False, "ci": "none"}
LARGEST: Answers = {"database": "postgresql", "celery_broker": "redis", "use_sse": True}


# The licence shapes no code, and each Python version beside the default goes with default answers.
FEATURES = {key: CHOICES[key] for key in CHOICES if key not in {"license", "python_version"}}


def every_combination() -> list[Answers]:
    """Return all answers that can be given to the prompts for features."""
    return [dict(zip(FEATURES, row, strict=True)) for row in product(*FEATURES.values())]


def pairwise() -> list[Answers]:
    """Return answers in which every two choices of any two features meet at least once."""
    pairs = [dict(zip(FEATURES, row, strict=True)) for row in AllPairs(list(FEATURES.values()))]
    return pairs + [{"python_version": version} for version in CHOICES["python_version"][1:]]


PAIRS = [
    {one: this, other: that}
    for one, other in combinations(FEATURES, 2)
    for this, that in product(FEATURES[one], FEATURES[other])
]
# The projects that go all the way: each of the pairs meets in one of them.
SAMPLE = [DEFAULT, SMALLEST, LARGEST, *pairwise()]


def describe(answers: Answers) -> str:
    """Name answers in a test's id."""
    return "-".join(f"{key}={value}" for key, value in answers.items()) or "default"
