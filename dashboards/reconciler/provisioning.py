"""File provisioning: the declared state as files that Grafana reads when it starts.

Grafana has no files for library panels and playlists: those the reconciler makes, and finds the
rest of what it declares there already.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from dashboards.reconciler.declared import Influx
from dashboards.reconciler.difference import Json
from dashboards.reconciler.resource import MARK, Resource

SHIPPED: Final = Path(__file__).parent.parent / "provisioning"
SHIPPED_INFLUX: Final = Influx(
    url="$KOTAHUB_GRAFANA_INFLUX_URL", database="$KOTAHUB_INFLUX_BUCKET", token=""
)
"""For whom the shipped files are: a Grafana whose environment says where InfluxDB is."""
SHIPPED_BOARDS: Final = PurePosixPath("/etc/grafana/kotahub")
"""Where that Grafana finds `dashboards/generated/`."""

_TOKEN: Final = "Token $KOTAHUB_GRAFANA_INFLUX_TOKEN"  # noqa: S105 - its name, not itself
_CONTACT: Final = "$KOTAHUB_GRAFANA_CONTACT"
_NAME: Final = "kotahub.yaml"
_DATA_SOURCES: Final = Path("datasources") / _NAME
_DASHBOARDS: Final = Path("dashboards") / _NAME
_BOARDS: Final = Path("dashboards") / "kotahub"
_ALERTING: Final = Path("alerting") / _NAME
_HEAD: Final = "# Made by: kotahub dashboards provision. Grafana reads it when it starts.\n"
_READ_AGAIN_S: Final = 30

Change = Literal["missing", "different", "left over"]


@dataclass(frozen=True, slots=True)
class Difference:
    """A file that is not what is declared."""

    path: Path
    change: Change


def shipped(resources: Sequence[Resource]) -> dict[Path, str]:
    """The files of `SHIPPED`; the dashboards stay in `dashboards/generated/`."""
    return _settings(resources, SHIPPED_BOARDS)


def provisioned(resources: Sequence[Resource], seen_as: PurePosixPath) -> dict[Path, str]:
    """Every file's text by its path below Grafana's provisioning folder.

    The token of the data source and the address of a webhook are not in them: Grafana takes them
    from its environment, as `KOTAHUB_GRAFANA_INFLUX_TOKEN` and `KOTAHUB_GRAFANA_CONTACT`.

    Args:
        resources: of `declared`.
        seen_as: that folder as Grafana sees it.
    """
    boards = {
        _BOARDS / _language(one.body["folder"]) / f"{one.uid}.json": _text(one.body["model"])
        for one in resources
        if one.kind == "dashboard"
    }
    return _settings(resources, seen_as / _BOARDS) | boards


def differences(wanted: Mapping[Path, str], folder: Path) -> list[Difference]:
    """What `write` would change."""
    found: list[Difference] = []
    for path, text in wanted.items():
        file = folder / path
        if not file.is_file():
            found.append(Difference(path, "missing"))
        elif file.read_text(encoding="utf-8") != text:
            found.append(Difference(path, "different"))
    found += [Difference(path, "left over") for path in _standing(folder) if path not in wanted]
    return sorted(found, key=lambda one: one.path)


def write(wanted: Mapping[Path, str], folder: Path) -> list[Difference]:
    """Makes the hub's files in the folder these; what was changed. Others' stay as they are."""
    changed = differences(wanted, folder)
    for one in changed:
        file = folder / one.path
        if one.change == "left over":
            file.unlink()
            continue
        file.parent.mkdir(parents=True, exist_ok=True)
        new = file.with_suffix(".new")  # Grafana may be looking: it takes no half of a file
        new.write_text(wanted[one.path], encoding="utf-8")
        new.replace(file)
    return changed


def _settings(resources: Sequence[Resource], boards: PurePosixPath) -> dict[Path, str]:
    files: dict[Path, Json] = {
        _DATA_SOURCES: {"datasources": list(_data_sources(resources))},
        _DASHBOARDS: {"providers": list(_providers(resources, boards))},
    }
    contacts = list(_contacts(resources))
    if contacts:
        files[_ALERTING] = {"contactPoints": contacts, "policies": [_policy(resources)]}
    return {path: _HEAD + _text({"apiVersion": 1, **body}) for path, body in files.items()}


def _data_sources(resources: Iterable[Resource]) -> Iterator[Json]:
    for one in resources:
        if one.kind == "data source":
            body = _literal(one.body)
            body["jsonData"][MARK] = "file"  # its token is known to Grafana's environment alone
            secret = dict.fromkeys(one.secret, _TOKEN)
            yield {"orgId": 1, "uid": one.uid, **body, "secureJsonData": secret, "editable": False}


def _providers(resources: Iterable[Resource], boards: PurePosixPath) -> Iterator[Json]:
    for one in resources:
        if one.kind == "folder":
            yield {
                "name": one.uid,
                "orgId": 1,
                "type": "file",
                "folder": _literal(one.body["title"]),
                "folderUid": one.uid,
                "disableDeletion": False,
                "allowUiUpdates": False,
                "updateIntervalSeconds": _READ_AGAIN_S,
                "options": {"path": _literal(str(boards / _language(one.uid)))},
            }


def _contacts(resources: Iterable[Resource]) -> Iterator[Json]:
    for one in resources:
        if one.kind == "contact point":
            settings = _literal(one.body["settings"])
            if urlsplit(str(settings.get("url", ""))).scheme:
                settings["url"] = _CONTACT
            receiver = {"uid": one.uid, "type": one.body["type"], "settings": settings}
            yield {"orgId": 1, "name": one.body["name"], "receivers": [receiver]}


def _policy(resources: Iterable[Resource]) -> Json:
    """Grafana reads the whole tree from the file: its default, with the hub's route in it."""
    return {
        "orgId": 1,
        "receiver": "grafana-default-email",
        "group_by": ["grafana_folder", "alertname"],
        "routes": [one.body for one in resources if one.kind == "notification policy"],
    }


def _literal(value: Any) -> Any:
    """A value that Grafana takes as it stands; it reads `$NAME` as a variable, and `$$` as `$`."""
    if isinstance(value, dict):
        return {key: _literal(member) for key, member in value.items()}
    if isinstance(value, str) and not value.startswith("$KOTAHUB_"):
        return value.replace("$", "$$")
    return value


def _language(folder_uid: str) -> str:
    return folder_uid.rpartition("-")[2]


def _text(body: Json) -> str:
    """JSON, which is YAML too."""
    return json.dumps(body, ensure_ascii=False, indent=1) + "\n"


def _standing(folder: Path) -> Iterator[Path]:
    """The hub's files that are there."""
    for path in (_DATA_SOURCES, _DASHBOARDS, _ALERTING):
        if (folder / path).is_file():
            yield path
    for file in (folder / _BOARDS).glob("*/*.json"):
        yield file.relative_to(folder)
