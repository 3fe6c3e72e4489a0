"""Bad answers are refused, all in one message, and leave nothing behind."""

from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import baked
from cookiecutter.exceptions import FailedHookException
from pytest_cookies.plugin import Cookies


@pytest.fixture
def refusal(
    cookies: Cookies, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable[..., str]:
    """Render with answers that have to be refused, and return the message."""

    def refuse(**answers: str) -> str:
        with pytest.raises(FailedHookException):
            baked(cookies, **answers)
        assert not list(tmp_path.rglob("manage.py"))
        return capfd.readouterr().err

    return refuse


@pytest.mark.parametrize(
    ("answers", "complaint", "suggestion"),
    [
        ({"project_slug": "My-Service"}, "not a lower-case identifier", "'my_service'"),
        ({"project_slug": "2fast"}, "not a lower-case identifier", "'service_2fast'"),
        ({"project_slug": "../escape"}, "not a lower-case identifier", "'escape'"),
        ({"project_slug": "shop/cart"}, "not a lower-case identifier", "'shop_cart'"),
        ({"project_slug": "shop\0cart\n"}, "not a lower-case identifier", "'shop_cart'"),
        ({"project_slug": ""}, "not a lower-case identifier", "'my_service'"),
        ({"project_slug": ".."}, "not a lower-case identifier", "'my_service'"),
        ({"project_slug": "CON"}, "not a lower-case identifier", "'con_service'"),
        ({"project_slug": "x" * 300}, "has 300 characters", "at most 50"),
        ({"project_slug": "żółć"}, "not a lower-case identifier", "type 'my_service'"),
        ({"project_slug": "a" * 51}, "has 51 characters", "at most 50"),
        ({"project_slug": "tail_"}, "ends with an underscore", "'tail'"),
        ({"project_slug": "class"}, "Python keyword", "'class_service'"),
        ({"project_slug": "match"}, "Python keyword", "'match_service'"),
        ({"project_slug": "email"}, "standard library", "'email_service'"),
        ({"project_slug": "django"}, "module that the project imports", "'django_service'"),
        ({"project_slug": "config"}, "module that the project imports", "'config_service'"),
        ({"project_slug": "apps"}, "module that the project imports", "'apps_service'"),
        ({"project_slug": "aux"}, "Windows reserves", "'aux_service'"),
        ({"author_email": "ada"}, "not an e-mail address", "'ada@example.com'"),
        ({"author_email": 'a"@b.c'}, "not an e-mail address", "'ada@example.com'"),
        ({"project_name": " ", "project_slug": "shop"}, "project_name is empty", "one character"),
        ({"description": "two\nlines"}, "line break", "on one line"),
        ({"author_name": "x" * 121}, "has 121 characters", "at most 120"),
    ],
)
def test_a_bad_answer_is_refused_with_what_to_type_instead(
    refusal: Callable[..., str], answers: dict[str, str], complaint: str, suggestion: str
) -> None:
    message = refusal(**answers)

    assert "One answer needs another value" in message
    assert complaint in message
    assert suggestion in message


def test_all_bad_answers_are_named_at_once(refusal: Callable[..., str]) -> None:
    message = refusal(project_slug="class", author_email="nobody", description=" ")

    assert "3 answers need another value; nothing was written" in message
    for key in ("project_slug", "author_email", "description"):
        assert f"* {key} " in message


def test_the_suggested_slug_is_itself_accepted(cookies: Cookies) -> None:
    assert (baked(cookies, project_slug="class_service") / "manage.py").is_file()
