"""Production settings: strict about what they need, clean by Django's own deployment checks."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent.parent
# Those that have a default there are behind a `#`.
EXAMPLES = re.findall(
    r"^#? ?([A-Z_]+)=(.*)$", (PROJECT / ".env.example").read_text(encoding="utf-8"), re.MULTILINE
)
COMPLETE = {
    **dict(EXAMPLES),
    "DJANGO_SECRET_KEY": "k7w" * 20 + "%fuz-91_qa",
    "DJANGO_ALLOWED_HOSTS": "service.example.com",
    **{
        f"UPSTREAM_{name}_URL": f"https://{name.lower()}.example.com"
        for name in ("INVENTORY", "NOTIFICATIONS", "ANALYTICS", "USERS", "BILLING")
    },
}


def manage(*arguments: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run manage.py with production settings and no environment but this one."""
    system = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ}
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=PROJECT,
        env=system | {"DJANGO_SETTINGS_MODULE": "config.settings.production"} | environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def test_the_deployment_checks_have_nothing_to_say() -> None:
    done = manage("check", "--deploy", "--fail-level", "WARNING", environment=COMPLETE)

    assert done.returncode == 0, done.stderr


def test_everything_that_is_missing_is_named_in_one_message() -> None:
    done = manage("check", environment={})

    assert done.returncode != 0
    for name in ("DJANGO_SECRET_KEY", "DJANGO_ALLOWED_HOSTS", "UPSTREAM_INVENTORY_URL"):
        assert name in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("DJANGO_SECRET_KEY", "too-short", "Shorter than 50 characters."),
        ("DJANGO_SECRET_KEY", "django-insecure-" + "x" * 50, "Still the value for development"),
        ("DJANGO_ALLOWED_HOSTS", "*", "Name the hosts"),
        ("UPSTREAM_BILLING_TIMEOUT", "soon", "Not a valid number."),
        ("UPSTREAM_BILLING_URL", "billing.example.com", "Upstream 'billing': the URL must start"),
    ],
)
def test_a_value_that_is_not_safe_is_refused(name: str, value: str, complaint: str) -> None:
    done = manage("check", environment=COMPLETE | {name: value})

    assert done.returncode != 0
    assert complaint in done.stderr
