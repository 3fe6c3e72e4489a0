"""`make demo`, as a newcomer types it."""

import shutil
import socket
import subprocess

import pytest
import readme

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("make") is None, reason="there is no make"),
]


def demo() -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        readme.words(readme.DEMO),
        cwd=readme.TEMPLATE,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
    )


def test_without_a_terminal_the_demo_shows_three_answers_and_ends() -> None:
    done = demo()

    assert done.returncode == 0, done.stdout
    for name in ("inventory", "notifications", "analytics"):
        assert f"    {name}" in done.stdout


def test_a_port_that_is_taken_is_said_and_another_one_is_taken() -> None:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", 8000))
        listener.listen()

        done = demo()

    assert done.returncode == 0, done.stdout
    assert "Port 8000 is taken; taking" in done.stdout
