"""The environment: where every setting that differs between places comes from."""

import sys
from pathlib import Path
from typing import cast

from environs import Env, EnvValidationError

BASE_DIR = Path(__file__).resolve().parent.parent

# What servers end with when the application cannot start; their managers do not try again.
CANNOT_START = 3

# Not eager: a missing or malformed variable is noted and reads as None, so that
# `refuse_bad_environment` can name all of them at once.
env = Env(eager=False)


def read_env_files() -> None:
    """Read `.env`, then `.env.example` for what it leaves out; real variables win over both.

    For development and tests only, so that a fresh clone runs as it is.
    """
    for name in (".env", ".env.example"):
        env.read_env(BASE_DIR / name, recurse=False)


def refuse_bad_environment() -> None:
    """End every settings module with this.

    Ends the process with one message, no traceback, that names each variable that is missing or
    malformed.
    """
    try:
        env.seal()
    except EnvValidationError as error:
        messages = cast("dict[str, list[str]]", error.error_messages)
        print("\nThe environment lacks something; .env.example describes it:\n", file=sys.stderr)
        for name in sorted(messages):
            print(f"  {name}: {' '.join(messages[name])}", file=sys.stderr)
        sys.exit(CANNOT_START)
