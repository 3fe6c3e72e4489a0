"""The prompts, as cookiecutter.json states them."""

from collections.abc import Callable
from pathlib import Path

import pytest
from answers import CHOICES, CONTEXT, MANIFEST, PROMPTS
from conftest import tracked

LABELS = CONTEXT["__prompts__"]


def test_every_prompt_has_a_label() -> None:
    assert list(LABELS) == list(PROMPTS)


@pytest.mark.parametrize("key", [key for key, value in PROMPTS.items() if isinstance(value, list)])
def test_every_choice_has_a_label(key: str) -> None:
    assert list(LABELS[key]) == ["__prompt__", *CHOICES[key]]


def test_the_manifest_knows_only_answers_that_can_be_given() -> None:
    for key, choices in MANIFEST.items():
        assert set(choices) <= {str(choice).lower() for choice in CHOICES[key]}


@pytest.mark.parametrize(
    ("key", "value"), [(key, value) for key, values in CHOICES.items() for value in values]
)
def test_every_choice_renders_a_project_of_its_own(
    render: Callable[..., Path], key: str, value: object
) -> None:
    others = [render(**{key: other}) for other in CHOICES[key] if other != value]

    assert all(contents(render(**{key: value})) != contents(other) for other in others)


def contents(project: Path) -> dict[str, bytes]:
    """Return what each file holds, but for the list of answers."""
    return {
        name: content.partition(b"[tool.cruft]")[0] for name, content in tracked(project).items()
    }
