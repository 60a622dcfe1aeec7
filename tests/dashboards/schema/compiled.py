"""Dashboards as TypeScript, and what a compiler that knows Grafana's types says of them.

A dashboard becomes one file: the dashboard without its panels, then each panel by itself, so that
every part is held against the type of its own plugin, and an error has a place.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

Json = dict[str, Any]

HERE: Final = Path(__file__).parent
_SOURCES: Final = ("tsconfig.json", "json.ts", "types.ts")
PANELS: Final[Mapping[str, str]] = {
    "alertlist": "AlertList",
    "bargauge": "BarGauge",
    "geomap": "Geomap",
    "row": "Row",
    "stat": "Stat",
    "state-timeline": "StateTimeline",
    "status-history": "StatusHistory",
    "table": "Table",
    "timeseries": "TimeSeries",
}
"""Type of a panel in `types.ts` by its plugin."""

_HEAD: Final = "// "
_ERROR: Final = re.compile(
    r"(?P<file>[^\s(][^(]*)\((?P<line>\d+),\d+\): error TS\d+: (?P<words>.*)"
)


class Problem(NamedTuple):
    """What the compiler does not accept: the dashboard, the part of it, and why."""

    board: str
    part: str
    words: str

    def __str__(self) -> str:
        return f"{self.board}, {self.part}: {self.words}"


def typescript(board: Json, *, exact: bool) -> str:
    """The file of a dashboard.

    Args:
        board: the dashboard.
        exact: whether members are refused that the type does not have.

    Raises:
        KeyError: a plugin that `PANELS` does not know.
    """
    parts = [("dashboard", "Board", {**board, "panels": []})]
    for panel in _panels(board):
        plain = {**panel, "panels": []} if panel["type"] == "row" else panel
        parts.append((f"panel '{panel['title']}'", PANELS[panel["type"]], plain))
    lines = ["import type * as grafana from '../types';"]
    for number, (name, type_name, value) in enumerate(parts):
        text = json.dumps(value, ensure_ascii=False, indent=1)
        lines += ["", f"{_HEAD}{name}"]
        if exact:
            lines.append(f"export const part{number}: grafana.{type_name} = {text};")
        else:
            # A value that has a name already may have more members than the type.
            lines.append(f"const given{number} = {text} as const;")
            lines.append(f"export const part{number}: grafana.{type_name} = given{number};")
    return "\n".join(lines) + "\n"


def compiled(
    boards: Mapping[str, Json], *, modules: Path, folder: Path, exact: bool
) -> list[Problem]:
    """What is wrong with dashboards.

    Args:
        boards: by a name that can be a file's.
        modules: the `node_modules` with Grafana's types.
        folder: an empty one to work in.
        exact: as in `typescript`.
    """
    (folder / "boards").mkdir()
    (folder / "node_modules").symlink_to(modules)
    for name in _SOURCES:
        shutil.copy(HERE / name, folder)
    for name, board in boards.items():
        (folder / "boards" / f"{name}.ts").write_text(
            typescript(board, exact=exact), encoding="utf-8"
        )
    done = subprocess.run(
        ["node", modules / "typescript" / "bin" / "tsc", "--project", ".", "--pretty", "false"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    found = list(_problems(done.stdout, folder))
    assert bool(done.returncode) == bool(found), f"{done.stdout}\n{done.stderr}"
    return found


def _panels(board: Json) -> Iterator[Json]:
    for panel in board["panels"]:
        yield panel
        yield from panel.get("panels", ())


def _problems(output: str, folder: Path) -> Iterator[Problem]:
    """One for each error; what stands indented below it is why."""
    told: list[str] = []
    where = ("", "")
    for line in output.splitlines():
        if (error := _ERROR.fullmatch(line)) is not None:
            if told:
                yield Problem(*where, "\n".join(told))
            where = _place(folder / error["file"], int(error["line"]))
            told = [error["words"]]
        else:
            told.append(line)
    if told:
        yield Problem(*where, "\n".join(told))


def _place(file: Path, line: int) -> tuple[str, str]:
    """The dashboard and the part that a line is in."""
    before = file.read_text(encoding="utf-8").splitlines()[:line]
    heads = [one for one in before if one.startswith(_HEAD)]
    return file.stem, heads[-1].removeprefix(_HEAD) if heads else f"line {line}"
