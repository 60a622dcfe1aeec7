"""Child processes of a bench: started, watched and ended by their own handle."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")
STOP_S: Final = 20.0


class ProcessError(Exception):
    """A child ended by itself; the text carries the end of what it said."""


class Process:
    """A running program with all its threads; its output goes to `log`.

    CPU and memory are those of this one process: the programs of the benches have no children.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        log: Path,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> None:
        self.name = name
        self._log = log
        with log.open("wb") as output:
            self._child = subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
                cwd=folder,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Asks it to end; kills it when it does not."""
        if self._child.poll() is None:
            self._child.send_signal(signal.SIGTERM)
            try:
                self._child.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self._child.kill()
        self._child.wait()

    def wait(self, seconds: float) -> None:
        """Until it ends by itself.

        Raises:
            ProcessError: it does not in time.
        """
        try:
            self._child.wait(seconds)
        except subprocess.TimeoutExpired as error:
            raise ProcessError(f"{self.name} still runs after {seconds:.0f} s") from error

    def check(self) -> None:
        """Sees that it runs.

        Raises:
            ProcessError: it ended.
        """
        if self._child.poll() is not None:
            said = self._log.read_text(errors="replace")[-2000:]
            raise ProcessError(f"{self.name} ended with {self._child.returncode}:\n{said}")

    def cpu_s(self) -> float:
        """Processor seconds so far, in user and kernel mode (proc(5): utime + stime)."""
        stat = Path(f"/proc/{self._child.pid}/stat").read_text(encoding="utf-8")
        fields = stat.rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS_PER_S

    def rss_mb(self) -> float:
        """Resident memory now."""
        return self._status("VmRSS")

    def rss_peak_mb(self) -> float:
        return self._status("VmHWM")

    def _status(self, key: str) -> float:
        status = Path(f"/proc/{self._child.pid}/status").read_text(encoding="utf-8")
        line = next(line for line in status.splitlines() if line.startswith(f"{key}:"))
        return round(int(line.split()[1]) / 1024, 1)
