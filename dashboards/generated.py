"""Generated: the dashboards as files, `<folder>/<language>/<name>.json`."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from dashboards.build import build_dashboards
from dashboards.site import LANGUAGES, Site

SHIPPED: Final = Path(__file__).parent / "generated"
"""What the shipped kinds make, for the shipped city."""

Change = Literal["missing", "different", "left over"]


@dataclass(frozen=True, slots=True)
class Difference:
    """A file that is not what the kinds make."""

    path: Path
    change: Change


def render(site: Site) -> dict[Path, str]:
    """Every file's text by its path below the folder."""
    return {
        Path(language) / f"{name}.json": json.dumps(board, ensure_ascii=False, indent=1) + "\n"
        for language in LANGUAGES
        for name, board in build_dashboards(site, language).items()
    }


def differences(site: Site, folder: Path) -> list[Difference]:
    """What `write` would change."""
    wanted = render(site)
    found: list[Difference] = []
    for path, text in wanted.items():
        file = folder / path
        if not file.is_file():
            found.append(Difference(path, "missing"))
        elif file.read_text(encoding="utf-8") != text:
            found.append(Difference(path, "different"))
    found += [Difference(path, "left over") for path in _standing(folder) if path not in wanted]
    return sorted(found, key=lambda one: one.path)


def write(site: Site, folder: Path) -> list[Difference]:
    """Makes the folder what the kinds make; what was changed."""
    changed = differences(site, folder)
    wanted = render(site)
    for one in changed:
        file = folder / one.path
        if one.change == "left over":
            file.unlink()
            continue
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(wanted[one.path], encoding="utf-8")
    return changed


def _standing(folder: Path) -> Iterator[Path]:
    for language in LANGUAGES:
        for file in sorted((folder / language).glob("*.json")):
            yield file.relative_to(folder)
