"""A project as production runs it: its command, its environment, and what a proxy sends it."""

import shlex

from conftest import Project, unused_port

# As a proxy that ends TLS would send them.
HEADERS = {"host": "service.example.com", "x-forwarded-proto": "https"}


def prepare(project: Project, more: dict[str, str]) -> dict[str, str]:
    """Return the environment of production; static files are there, the database is migrated."""
    database = project.path / "production.sqlite3"
    environment = {
        "DJANGO_SETTINGS_MODULE": "config.settings.production",
        "DJANGO_SECRET_KEY": "only-for-this-test-" * 3,
        "DJANGO_ALLOWED_HOSTS": "service.example.com",
        "DATABASE_URL": f"sqlite:///{database}",
        "PORT": str(unused_port()),
        **more,
    }
    if database.exists():  # another test did it
        return environment
    for command in (["collectstatic", "--no-input"], ["migrate", "--verbosity", "0"]):
        done = project.run("manage.py", *command, **environment)
        assert done.returncode == 0, done.stdout
    return environment


def serve_command(project: Project) -> list[str]:
    """Return what `just serve` runs: just itself, when signalled, does not end with its exit code."""
    recipe = project.run("just", "--dry-run", "serve").stdout
    _exec, *command = shlex.split(recipe)
    return command
