"""What Docker asks inside the container."""

import pytest
from conftest import unused_port

from config.healthcheck import main


def test_it_says_whether_the_service_answers(
    service_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORT", service_url.rpartition(":")[2])
    assert main() == 0

    monkeypatch.setenv("PORT", str(unused_port()))
    assert main() == 1
