"""The environment: where every setting that differs between places comes from."""

from pathlib import Path

from django.core.exceptions import ImproperlyConfigured
from environs import Env, EnvValidationError

BASE_DIR = Path(__file__).resolve().parent.parent

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

    Raises:
        ImproperlyConfigured: naming each variable that is missing or malformed.
    """
    try:
        env.seal()
    except EnvValidationError as error:
        problems = "\n".join(
            f"  {name}: {' '.join(messages)}"
            for name, messages in sorted(error.error_messages.items())
        )
        raise ImproperlyConfigured(
            f"The environment lacks something; .env.example describes it:\n{problems}"
        ) from None
