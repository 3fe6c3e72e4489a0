"""Refuse answers that would give a broken project: all of them, in one message."""

import json
import keyword
import re
import sys
from collections.abc import Iterator

ANSWERS = dict(json.loads(r"""{{ cookiecutter.items() | list | jsonify }}"""))

# Names that the project imports; a folder of the same name would hide them.
IMPORTED_NAMES = {
    "apps", "asgiref", "celery", "config", "core", "django", "environs", "gunicorn", "honcho",
    "httpx", "just", "manage", "mypy", "psycopg", "pytest", "redis", "ruff", "servestatic",
    "stubs", "templates", "tests", "uv", "uvicorn", "uvicorn_worker",
}  # fmt: skip
# https://learn.microsoft.com/windows/win32/fileio/naming-a-file
WINDOWS_RESERVED_NAMES = {"aux", "con", "nul", "prn"} | {
    f"{device}{number}" for device in ("com", "lpt") for number in range(1, 10)
}
SINGLE_LINE_LIMITS = {"project_name": 80, "description": 300, "author_name": 120}


def main() -> int:
    problems = [
        *text_problems(ANSWERS),
        *slug_problems(typed_slug(ANSWERS)),
        *email_problems(ANSWERS["author_email"]),
    ]
    if not problems:
        return 0
    count = "One answer needs" if len(problems) == 1 else f"{len(problems)} answers need"
    print(f"\n{count} another value; nothing was written:\n", file=sys.stderr)
    for problem in problems:
        print(f"  * {problem}", file=sys.stderr)
    print(
        "\nRun the same command again and type the values suggested above. "
        "What follows is only Cookiecutter's own word that it stopped.\n",
        file=sys.stderr,
    )
    return 1


def text_problems(answers: dict[str, str]) -> Iterator[str]:
    for key, limit in SINGLE_LINE_LIMITS.items():
        value = answers[key]
        if not value.strip():
            yield f"{key} is empty: type at least one character."
        elif not value.isprintable():
            yield f"{key} holds a line break or another control character: type it on one line."
        elif len(value) > limit:
            yield f"{key} has {len(value)} characters: type at most {limit}."


def typed_slug(answers: dict[str, str]) -> str:
    """Return the slug before cookiecutter.json replaced one that might be no folder's name."""
    slug = answers["project_slug"]
    return answers["__typed_slug"] if slug == "refused_slug" else slug


def slug_problems(slug: str) -> Iterator[str]:
    suggestion = suggest_slug(slug)
    if not re.fullmatch(r"[a-z][a-z0-9_]*", slug):
        yield (
            f"project_slug {slug!r} is not a lower-case identifier (letters a to z, digits and "
            f"underscores, a letter first): type {suggestion!r}, for example."
        )
    elif len(slug) > 50:
        yield f"project_slug has {len(slug)} characters: type at most 50, such as {slug[:20]!r}."
    elif slug.endswith("_") or "__" in slug:
        yield (
            f"project_slug {slug!r} ends with an underscore or has two in a row, which package "
            f"names cannot have: type {suggestion!r}, for example."
        )
    elif keyword.iskeyword(slug) or keyword.issoftkeyword(slug):
        yield f"project_slug {slug!r} is a Python keyword: type {suggestion!r}, for example."
    elif slug in sys.stdlib_module_names:
        yield (
            f"project_slug {slug!r} hides a module of Python's standard library: "
            f"type {suggestion!r}, for example."
        )
    elif slug in IMPORTED_NAMES:
        yield (
            f"project_slug {slug!r} hides a module that the project imports: "
            f"type {suggestion!r}, for example."
        )
    elif slug in WINDOWS_RESERVED_NAMES:
        yield (
            f"project_slug {slug!r} is a name that Windows reserves: "
            f"type {suggestion!r}, for example."
        )


def suggest_slug(slug: str) -> str:
    words = re.findall(r"[a-z0-9]+", slug.lower())
    suggestion = "_".join(words)[:40].strip("_")
    if not suggestion:
        return "my_service"
    if suggestion[0].isdigit():
        return f"service_{suggestion}"
    return f"{suggestion}_service" if is_taken(suggestion) else suggestion


def is_taken(slug: str) -> bool:
    return (
        keyword.iskeyword(slug)
        or keyword.issoftkeyword(slug)
        or slug in sys.stdlib_module_names | IMPORTED_NAMES | WINDOWS_RESERVED_NAMES
    )


def email_problems(email: str) -> Iterator[str]:
    if not re.fullmatch(r"[\w.!#$%&'*+/=?^`{|}~-]+@[\w-]+(\.[\w-]+)+", email):
        yield (
            f"author_email {email!r} is not an e-mail address: type one such as 'ada@example.com'."
        )


if __name__ == "__main__":
    # A terminal that cannot show a character of an answer must not hide the message.
    sys.stderr.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    sys.exit(main())
