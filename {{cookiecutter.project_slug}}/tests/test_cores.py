"""How many worker processes there are when nobody says."""

from pathlib import Path

import pytest

from config import cores


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        pytest.param("max 100000\n", 8, id="no limit"),
        pytest.param("200000 100000\n", 2, id="two cores"),
        pytest.param("150000 100000\n", 2, id="one and a half"),
        pytest.param("10000 100000\n", 1, id="a tenth"),
        pytest.param("1600000 100000\n", 8, id="more than there are"),
        pytest.param("", 8, id="nothing said"),
        pytest.param(None, 8, id="no such file"),
    ],
)
def test_a_containers_limit_is_respected(
    limit: str | None, expected: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: set(range(8)), raising=False)
    monkeypatch.setattr("os.cpu_count", lambda: 8)
    monkeypatch.setattr(cores, "CPU_MAX", tmp_path / "cpu.max")
    if limit is not None:
        cores.CPU_MAX.write_text(limit, encoding="ascii")

    assert cores.available_cores() == expected
