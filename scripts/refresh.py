"""Raise the ranges of all dependencies to what PyPI has now: the template's own and the render's.

All that any combination of answers depends on is resolved at once, so the newest versions that go
together are found. Only lower bounds and caps change, written as precisely as they were; a range
is never lowered. Nothing is written before everything has been resolved.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version

TEMPLATE = Path(__file__).resolve().parent.parent
OWN = TEMPLATE / "pyproject.toml"
LOCK = TEMPLATE / "uv.lock"
PROJECT = TEMPLATE / "{{cookiecutter.project_slug}}"
RENDER = [PROJECT / "pyproject.toml", PROJECT / "Dockerfile"]
UV = os.environ.get("UV", "uv")  # uv tells whatever it runs where it is
# A dependency in quotes, whatever Jinja is around it.
DEPENDENCY = re.compile(r'(?<=")[A-Za-z][\w.-]*(?:\[[\w,]+\])?>=\d[^"]*(?=")')


def main() -> int:
    versions = json.loads((TEMPLATE / "cookiecutter.json").read_text("utf-8"))["python_version"]
    own, *render = (path.read_text("utf-8") for path in (OWN, *RENDER))
    try:
        own_changes = newer(
            DEPENDENCY.findall(own), tomllib.loads(own)["project"]["requires-python"]
        )
        render_changes = newer(
            [dependency for text in render for dependency in DEPENDENCY.findall(text)],
            f">={min(versions, key=Version)}",
        )
        own = replaced(own, own_changes)
        lock = locked(own, LOCK.read_text("utf-8"))
    except RefreshError as error:
        print(f"{error}\nNothing was changed.", file=sys.stderr)
        return 1
    locks = lock_changes(LOCK.read_text("utf-8"), lock)
    raised_render = [replaced(text, render_changes) for text in render]
    write({OWN: own, LOCK: lock} | dict(zip(RENDER, raised_render, strict=True)))
    table("the template's own ranges (pyproject.toml)", own_changes)
    table("the template's own lock (uv.lock)", locks)
    table("the ranges of a render", render_changes)
    print("\nNext: make test")
    return 0


class RefreshError(Exception):
    """Something that kept the newest versions from being found."""


def newer(dependencies: list[str], python: str) -> dict[str, str]:
    """Return the dependencies whose range has to change, and what it changes to."""
    pyproject = (
        f'[project]\nname = "scratch"\nversion = "0"\nrequires-python = "{python}"\n'
        f"dependencies = {json.dumps(dependencies, indent=2)}\n[tool.uv]\npackage = false\n"
    )
    with scratch_project({"pyproject.toml": pyproject}) as folder:
        uv("upgrade", folder=folder)
        uv("lock", folder=folder)
        capped = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))
        found = versions_in((folder / "uv.lock").read_text("utf-8"))
    ranges = {
        old: raised(new, min(found[Requirement(new).name], key=Version))
        for old, new in zip(dependencies, capped["project"]["dependencies"], strict=True)
    }
    return {old: new for old, new in ranges.items() if old != new}


def raised(dependency: str, version: str) -> str:
    """Return a dependency with this version as its lower bound, no longer than the old one."""

    def bound(match: re.Match[str]) -> str:
        old = match[1]
        parts = Version(version).release[: old.count(".") + 1]
        return ">=" + max(old, ".".join(map(str, parts)), key=Version)

    # uv writes a space before a marker.
    return re.sub(r">=([\d.]+)", bound, dependency, count=1).replace(" ;", ";")


def replaced(text: str, changes: dict[str, str]) -> str:
    return DEPENDENCY.sub(lambda match: changes.get(match[0], match[0]), text)


def locked(pyproject: str, lock: str) -> str:
    """Return the lock of a project with everything in it as new as its ranges allow."""
    with scratch_project({"pyproject.toml": pyproject, "uv.lock": lock}) as folder:
        uv("lock", "--upgrade", folder=folder)
        return (folder / "uv.lock").read_text("utf-8")


@contextmanager
def scratch_project(contents: dict[str, str]) -> Iterator[Path]:
    """Yield a folder with these files, where uv finds the Python that the template runs on."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy(TEMPLATE / ".python-version", folder)
        for path, content in contents.items():
            (folder / path).write_text(content, "utf-8")
        yield folder


def uv(*arguments: str, folder: Path) -> None:
    done = subprocess.run(
        [UV, "--quiet", "--no-progress", *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
    )
    if done.returncode != 0:
        raise RefreshError(f"The newest versions were not found; uv says:\n\n{done.stdout}")


def versions_in(lock: str) -> dict[str, set[str]]:
    """Return the versions of each package that a lock holds; several, if Pythons differ."""
    found: dict[str, set[str]] = {}
    for package in tomllib.loads(lock)["package"]:
        if "version" in package:
            found.setdefault(package["name"], set()).add(package["version"])
    return found


def lock_changes(before: str, after: str) -> dict[str, str]:
    old, new = versions_in(before), versions_in(after)
    return {
        f"{name} {shown(old.get(name, ()))}": shown(new.get(name, ()))
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name)
    }


def shown(versions: Iterable[str]) -> str:
    return ", ".join(sorted(versions, key=Version)) or "-"


def write(contents: dict[Path, str]) -> None:
    """Write all files beside their places first, so that a full disk changes none."""
    written = [(path.with_name(f"{path.name}.new"), path) for path in contents]
    for new, path in written:
        new.write_text(contents[path], "utf-8", newline="\n")
    for new, path in written:
        new.replace(path)


def table(title: str, changes: dict[str, str]) -> None:
    print(f"\n{title}:")
    width = max(map(len, changes), default=0)
    for old, new in changes.items():
        print(f"  {old:<{width}}  ->  {new}")
    if not changes:
        print("  nothing is newer")


if __name__ == "__main__":
    sys.exit(main())
