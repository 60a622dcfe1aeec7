"""hub.json: the running hub, or nobody."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.running import (
    NoAnswerError,
    Running,
    ask_running,
    read_running,
    remove_running,
    write_running,
)


def me(key: str = "k") -> Running:
    return Running(pid=os.getpid(), url="http://127.0.0.1:1", key=key)


def gone() -> int:
    """The id of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


def test_what_a_living_hub_wrote_is_read(tmp_path: Path) -> None:
    write_running(tmp_path, me("first"))
    write_running(tmp_path, me("second"))
    assert read_running(tmp_path) == me("second")
    assert [path.name for path in tmp_path.iterdir()] == ["hub.json"]


def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    write_running(tmp_path, me())
    assert (tmp_path / "hub.json").stat().st_mode & 0o777 == 0o600


def test_a_killed_hub_is_nobody(tmp_path: Path) -> None:
    write_running(tmp_path, me().model_copy(update={"pid": gone()}))
    assert read_running(tmp_path) is None


@pytest.mark.parametrize("text", ["", "{", "{}", '{"pid": -1, "url": "http://x", "key": "k"}'])
def test_a_file_that_says_nothing_is_nobody(tmp_path: Path, text: str) -> None:
    (tmp_path / "hub.json").write_text(text)
    assert read_running(tmp_path) is None


def test_no_file_is_nobody(tmp_path: Path) -> None:
    assert read_running(tmp_path) is None


def test_a_hub_takes_back_its_own_announcement_only(tmp_path: Path) -> None:
    write_running(tmp_path, me())
    remove_running(tmp_path, pid=gone())
    assert read_running(tmp_path) == me()
    remove_running(tmp_path, pid=os.getpid())
    assert not list(tmp_path.iterdir())
    remove_running(tmp_path, pid=os.getpid())


def test_nobody_at_the_address_says_what_to_do() -> None:
    with pytest.raises(NoAnswerError, match=r"does not answer at http://127\.0\.0\.1:1"):
        ask_running(me(), "/api/v1/devices", {})
