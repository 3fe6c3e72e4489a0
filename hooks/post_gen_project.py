"""Finish the project: prune what was declined, write .env, start a repository, say what is next."""

import json
import os
import secrets
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

ANSWERS = dict(json.loads(r"""{{ cookiecutter.items() | list | jsonify }}"""))
MANIFEST = ANSWERS["_manifest"]
PROJECT = Path.cwd()

# What .env.example holds in place of a secret; each gets a value of its own in .env.
SECRET_PLACEHOLDERS = (
    "django-insecure-for-development-only",
    "change-me-too",  # before the one that it begins with
    "change-me",
)


def main() -> None:
    prune()
    write_env()
    start_repository()
    try:
        print_next_steps()
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever reads has seen enough, as in `cruft diff | head`; the project is finished.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def prune() -> None:
    """Remove every path of the manifest that no answer keeps."""
    listed = {path for choices in MANIFEST.values() for paths in choices.values() for path in paths}
    kept = {
        path
        for key, choices in MANIFEST.items()
        for path in choices.get(str(ANSWERS[key]).lower(), [])
    }
    # What is inside a folder before the folder.
    for name in sorted(listed - kept, reverse=True):
        path = PROJECT / name
        if path.is_dir():
            remove_folder(path)
        else:
            path.unlink()


def remove_folder(folder: Path) -> None:
    """Remove what was rendered into a folder, and the folder if nothing else is in it.

    With `--overwrite-if-exists` there may be files of its owner's. They are older than what was
    rendered now, which is what is at the top first.
    """
    began = (PROJECT / "manage.py").stat().st_mtime_ns
    for path in [*sorted(folder.rglob("*"), reverse=True), folder]:
        if path.is_dir():
            if not any(path.iterdir()):
                path.rmdir()
        elif path.stat().st_mtime_ns >= began:
            path.unlink()


def write_env() -> None:
    """Write .env from .env.example with secrets of its own; one that exists is left alone."""
    target = PROJECT / ".env"
    if target.exists():
        return
    content = (PROJECT / ".env.example").read_text(encoding="utf-8")
    for placeholder in SECRET_PLACEHOLDERS:
        content = content.replace(placeholder, secrets.token_urlsafe(50))
    # Readable by its owner alone from the start.
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
        file.write(content)


def start_repository() -> None:
    """Make the project a git repository if git is there and it is not inside one already."""
    git = shutil.which("git")
    if git is None:
        return
    inside = subprocess.run(
        [git, "rev-parse", "--is-inside-work-tree"], cwd=PROJECT, capture_output=True, check=False
    )
    if inside.returncode != 0:
        subprocess.run(
            [git, "-c", "init.defaultBranch=main", "init", "--quiet"],
            cwd=PROJECT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )


def print_next_steps() -> None:
    slug = ANSWERS["project_slug"]
    width = max(len(key) for key in ANSWERS if not key.startswith("_"))
    print(f"\n{green('✔')} {bold(ANSWERS['project_name'])} is ready in {bold(slug)}, with")
    for key, value in ANSWERS.items():
        if not key.startswith("_"):
            shown = {True: "yes", False: "no"}.get(value, value)
            print(f"    {dim(key.ljust(width))}  {shown}")
    print("\nNext:")
    print(f"    {cyan(f'cd {slug}')}")
    if shutil.which("uv") is None:
        print(f"    {cyan('pip install uv')}")
    if ANSWERS["database"] == "postgresql":
        print("    start PostgreSQL and make the database and user that DATABASE_URL in .env names")
    print(f"    {cyan('uv run just dev')}    then open http://127.0.0.1:8000/")
    print(f"    {cyan('uv run just')}        lists the other commands")
    print(f"\nThe same once more:\n    {dim(same_again())}\n")


def same_again() -> str:
    """Return the command that gives the same project without asking."""
    command = ["cookiecutter", ANSWERS["_template"], "--no-input"]
    if ANSWERS.get("_checkout"):
        command += ["--checkout", ANSWERS["_checkout"]]
    for key, value in ANSWERS.items():
        if not key.startswith("_"):
            command.append(f"{key}={str(value).lower() if isinstance(value, bool) else value}")
    return subprocess.list2cmdline(command) if os.name == "nt" else shlex.join(command)


def bold(text: str) -> str:
    return styled(text, 1)


def dim(text: str) -> str:
    return styled(text, 2)


def green(text: str) -> str:
    return styled(text, 32)


def cyan(text: str) -> str:
    return styled(text, 36)


def styled(text: str, code: int) -> str:
    """Colour for a terminal, unless NO_COLOR is set (https://no-color.org)."""
    if os.environ.get("NO_COLOR") or not sys.stdout.isatty():
        return text
    return f"\x1b[{code}m{text}\x1b[0m"


if __name__ == "__main__":
    # A terminal that cannot show a character of an answer must not end the hook.
    sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]
    main()
