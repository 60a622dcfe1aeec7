"""Provisioning files, read as Grafana does when it starts."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.dashboards.grafana.state import Json, State, valid_uid


def start_from(state: State, folder: Path, environment: Mapping[str, str]) -> None:
    """Brings the stand-in to the files of a provisioning folder.

    Args:
        state: the stand-in.
        folder: with `datasources/`, `dashboards/` and perhaps `alerting/`.
        environment: of Grafana's process.
    """
    for file in read(folder, "datasources", environment):
        for one in file["datasources"]:
            _data_source(state, dict(one))
    for file in read(folder, "dashboards", environment):
        for provider in file["providers"]:
            _provider(state, provider)
    for file in read(folder, "alerting", environment):
        for contact in file["contactPoints"]:
            state.contacts += [
                {**one, "name": contact["name"], "provenance": "file"}
                for one in contact["receivers"]
            ]
        for policy in file["policies"]:
            del policy["orgId"]
            state.policy = {**policy, "provenance": "file"}


def read(folder: Path, kind: str, environment: Mapping[str, str]) -> list[Any]:
    """The files of one kind, with the variables in them replaced."""
    texts = [file.read_text(encoding="utf-8") for file in (folder / kind).glob("*.yaml")]
    bare = ["\n".join(ln for ln in text.splitlines() if ln[:1] != "#") for text in texts]
    return [_expanded(json.loads(text), environment) for text in bare]


def _expanded(value: Any, environment: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _expanded(one, environment) for key, one in value.items()}
    if isinstance(value, list):
        return [_expanded(one, environment) for one in value]
    if isinstance(value, str):
        return re.sub(
            r"\$\$|\$(\w+)",
            lambda found: environment.get(found[1], "") if found[1] else "$",
            value,
        )
    return value


def _data_source(state: State, one: Json) -> None:
    uid = valid_uid(one["uid"])
    state.secrets[uid] = one.pop("secureJsonData")
    assert one.pop("editable") is False
    assert one.pop("orgId") == 1
    state.data_sources[uid] = {**one, "id": state.new_id(), "version": 1, "readOnly": True}


def _provider(state: State, provider: Json) -> None:
    uid = valid_uid(provider["folderUid"])
    state.folders[uid] = {"id": 1, "uid": uid, "title": provider["folder"], "version": 1}
    for path in sorted(Path(provider["options"]["path"]).rglob("*.json")):
        model = json.loads(path.read_text(encoding="utf-8"))
        stored = {**model, "id": state.new_id(), "version": 1}
        state.dashboards[model["uid"]] = {"model": stored, "folder": uid, "provisioned": True}
        first = {"version": 1, "parentVersion": 0, "message": "", "createdBy": ""}
        state.history[model["uid"]] = [first]
