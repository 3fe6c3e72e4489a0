"""The README and its commands, for the tests that run them."""

import re
import shlex
from pathlib import Path

TEMPLATE = Path(__file__).resolve().parent.parent
TEXT = (TEMPLATE / "README.md").read_text(encoding="utf-8")

FENCED = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
BLOCKS = dict(FENCED.findall(TEXT))
"""The one block of code and the one of text."""
COMMANDS = re.findall(r"^ {4}(\S.*)$", FENCED.sub("", TEXT), re.MULTILINE)
# One name for each: a command that is new there fails here, until a test runs it by its name.
START, ENTER, DEV, DEMO, CREATE, UPDATE, CHANGE, TEST, TEST_FAST = COMMANDS


def words(command: str, template: Path = TEMPLATE) -> list[str]:
    """Return a command as it is run, with this template in place of the published one."""
    return shlex.split(command.replace("gh:ORG/cookiecutter-django-async", template.as_posix()))


def transcript() -> list[list[str]]:
    """Return what the prompts print according to the README: the lines between two gaps."""
    return [part.strip("\n").split("\n") for part in BLOCKS["text"].split("…\n")]
