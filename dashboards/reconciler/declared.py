"""The declared state: folders, data source, panels, dashboards, playlists, where alerts go."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from dashboards.reconciler.difference import Json, MismatchError, patched
from dashboards.reconciler.errors import DeclarationError, PatchError
from dashboards.reconciler.resource import MARK, STAMPED, UID_PREFIX, Kind, Resource

GENERATED: Final = Path(__file__).parent.parent / "generated"
DATA_SOURCE_UID: Final = "kotahub-influxdb"
DATA_SOURCE_NAME: Final = "kotahub"
CONTACT_UID: Final = "kotahub-contact"
CONTACT_NAME: Final = "kotahub"
POLICY_UID: Final = "kotahub-route"
KIOSK_TAG: Final = "kotahub-kiosk"
"""Dashboards with this tag are shown in turn by the playlist of their language; their panels are
library panels too."""
LANGUAGES: Final[Mapping[str, tuple[str, str]]] = {
    "id": ("Kota", "kotahub: layar dinding"),
    "en": ("City", "kotahub: kiosk"),
}
"""Language to the titles of its folder and of its playlist."""

_KIOSK_INTERVAL: Final = "30s"
_DATA_SOURCE: Final = '"${datasource}"'
_AND_DATA_SOURCE: Final = "&var-datasource=${datasource}"
_WORDS_MAX: Final = 20
_UID: Final = re.compile(r"[A-Za-z0-9_-]{1,40}")
_SCRYPT: Final[Mapping[str, int]] = {"n": 2**12, "r": 8, "p": 1, "dklen": 8}


@dataclass(frozen=True, slots=True, kw_only=True)
class Influx:
    """The InfluxDB that Grafana shall ask, by the address under which Grafana reaches it."""

    url: str
    database: str
    token: str = field(repr=False)


def declared(
    influx: Influx,
    *,
    contact: str | None = None,
    generated: Path = GENERATED,
    patches: Path | None = None,
) -> list[Resource]:
    """Everything that Grafana shall have, in the order in which it is made.

    Args:
        influx: the data source.
        contact: where Grafana's own alerts go: `mailto:…`, or `https://…` for a webhook.
        generated: folder with a folder a language of dashboards as JSON.
        patches: folder of kept hand edits, see `Reconciler.keep`.

    Raises:
        DeclarationError: a file is no dashboard of the hub's, or a uid comes twice.
        PatchError: a kept edit fits no more.
    """
    dashboards = {
        language: list(_dashboards(generated / language, f"{UID_PREFIX}{language}"))
        for language in LANGUAGES
    }
    resources = [
        *(
            Resource("folder", f"{UID_PREFIX}{language}", titles[0], {"title": titles[0]})
            for language, titles in LANGUAGES.items()
            if dashboards[language]
        ),
        _data_source(influx),
        *_library_panels(dashboards),
        *(one for each in dashboards.values() for one in each),
        *_playlists(dashboards),
        *(() if contact is None else _contact(contact)),
    ]
    _check_unique(resources)
    return resources if patches is None else [_with_patch(one, patches) for one in resources]


def bound_to(resource: Resource, data_source_uid: str) -> Resource:
    """A dashboard or panel that asks the data source by the uid that it has in this Grafana."""
    if resource.kind not in STAMPED or data_source_uid == DATA_SOURCE_UID:
        return resource
    return replace(resource, body=rebound(resource.body, DATA_SOURCE_UID, data_source_uid))


def rebound(value: Any, old: str, new: str) -> Any:
    """JSON with every string that is the one uid replaced by the other."""
    if isinstance(value, dict):
        return {key: rebound(member, old, new) for key, member in value.items()}
    if isinstance(value, list):
        return [rebound(member, old, new) for member in value]
    return new if value == old else value


def patch_path(patches: Path, kind: Kind, uid: str) -> Path:
    """Where the kept edit of a thing stands."""
    return patches / f"{kind.replace(' ', '-')}.{uid}.patch.json"


def fingerprint(secret: str) -> str:
    """Tells secrets apart without telling them: slow to guess from, 16 hexadecimal digits."""
    return hashlib.scrypt(secret.encode(), salt=b"kotahub data source", **_SCRYPT).hex()


def _dashboards(folder: Path, folder_uid: str) -> Iterator[Resource]:
    for path in sorted(folder.glob("*.json")):
        try:
            model = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise DeclarationError(path, f"it cannot be read: {error}") from error
        if not isinstance(model, dict):
            raise DeclarationError(path, "it is no dashboard")
        uid = str(model.get("uid", ""))
        if not uid.startswith(UID_PREFIX) or not _UID.fullmatch(uid):
            raise DeclarationError(
                path,
                f"its uid '{uid}' must begin with {UID_PREFIX} and have at most 40 letters, "
                "digits, - and _",
            )
        if MARK not in model.get("tags", []):
            raise DeclarationError(path, f"it lacks the tag '{MARK}', by which the hub knows it")
        model = {key: value for key, value in model.items() if key not in {"id", "version"}}
        title = str(model.get("title", uid))
        yield Resource("dashboard", uid, title, {"folder": folder_uid, "model": model})


def _data_source(influx: Influx) -> Resource:
    body: Json = {
        "name": DATA_SOURCE_NAME,
        "type": "influxdb",
        "access": "proxy",
        "url": influx.url,
        # Grafana 9.3 reads this one and ignores the one below; newer ones the other way round.
        "database": influx.database,
        "jsonData": {
            "dbName": influx.database,
            "httpMode": "POST",
            "httpHeaderName1": "Authorization",
            MARK: fingerprint(influx.token),
        },
    }
    secret = {"httpHeaderValue1": f"Token {influx.token}"}
    return Resource("data source", DATA_SOURCE_UID, DATA_SOURCE_NAME, body, secret)


def _library_panels(dashboards: Mapping[str, list[Resource]]) -> Iterator[Resource]:
    """The wall's panels, to be put on dashboards of people's own.

    Such a dashboard has none of the wall's variables: the data source is named, and a panel that
    needs another one is left out. No dashboard of the hub's uses them, so that those can come
    from files, which Grafana's library panels cannot.
    """
    for language, boards in dashboards.items():
        found = [
            (board, free)
            for board in boards
            if KIOSK_TAG in board.body["model"]["tags"]
            for free in _free_panels(board.body["model"])
        ]
        for (board, panel), name in zip(found, _names(found), strict=True):
            body = {"folder": board.body["folder"], "name": name, "model": panel}
            yield Resource("library panel", _library_uid(language, name), name, body)


def _names(panels: Sequence[tuple[Resource, Json]]) -> list[str]:
    """As short as Grafana lets them be, which wants every name once in a folder."""
    forms = [
        [str(panel["title"]) for _, panel in panels],
        [f"{panel['title']} ({panel['type']})" for _, panel in panels],
        [f"{panel['title']} ({panel['type']}, {board.title})" for board, panel in panels],
        [f"{panel['title']} ({number})" for number, (_, panel) in enumerate(panels, 1)],
    ]
    counts = [Counter(form) for form in forms]
    return [
        next(
            form[place]
            for form, count in zip(forms, counts, strict=True)
            if count[form[place]] == 1
        )
        for place in range(len(panels))
    ]


def _free_panels(model: Json) -> Iterator[Json]:
    variables = [one["name"] for one in model.get("templating", {}).get("list", [])]
    for panel in model.get("panels", []):
        free = _freed(panel, variables)
        if free is not None:
            yield free


def _freed(panel: Json, variables: Sequence[str]) -> Json | None:
    """The panel without its place and the dashboard's variables; None where it needs one."""
    if panel.get("type") == "row" or not panel.get("title"):
        return None
    own = {key: value for key, value in panel.items() if key not in {"id", "gridPos"}}
    text = json.dumps(own, ensure_ascii=False)
    text = text.replace(_AND_DATA_SOURCE, "").replace(_DATA_SOURCE, f'"{DATA_SOURCE_UID}"')
    used = re.compile(rf"\$\{{?({'|'.join(map(re.escape, variables))})\b") if variables else None
    if used is not None and used.search(text):
        return None
    freed: Json = json.loads(text)
    return freed


def _library_uid(language: str, name: str) -> str:
    """By its name, not its place: a panel that moves stays itself on people's dashboards."""
    words = re.sub(r"[^a-z0-9]+", "-", name.lower())[:_WORDS_MAX].strip("-")
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{UID_PREFIX}{language}-{words}-{digest}"


def _playlists(dashboards: Mapping[str, list[Resource]]) -> Iterator[Resource]:
    for language, (_, title) in LANGUAGES.items():
        shown = [one.uid for one in dashboards[language] if KIOSK_TAG in one.body["model"]["tags"]]
        if shown:
            items = [{"type": "dashboard_by_uid", "value": uid} for uid in shown]
            body = {"name": title, "interval": _KIOSK_INTERVAL, "items": items}
            yield Resource("playlist", f"{UID_PREFIX}{language}", title, body)


def _contact(contact: str) -> tuple[Resource, Resource]:
    parts = urlsplit(contact)
    settings: Json
    if parts.scheme == "mailto" and "@" in parts.path:
        kind, settings = "email", {"addresses": unquote(parts.path), "singleEmail": True}
    elif parts.scheme in {"http", "https"} and parts.hostname:
        kind, settings = "webhook", {"url": contact, "httpMethod": "POST"}
    else:
        raise DeclarationError(
            "KOTAHUB_GRAFANA_CONTACT", "it must read mailto:room@city.example or https://…"
        )
    body: Json = {"name": CONTACT_NAME, "type": kind, "settings": settings}
    route: Json = {
        "receiver": CONTACT_NAME,
        "object_matchers": [[MARK, "=", "true"]],
        "continue": False,
    }
    return (
        Resource("contact point", CONTACT_UID, CONTACT_NAME, body),
        Resource("notification policy", POLICY_UID, f"alerts labelled {MARK}=true", route),
    )


def _check_unique(resources: Iterable[Resource]) -> None:
    seen: set[tuple[Kind, str]] = set()
    for one in resources:
        if (one.kind, one.uid) in seen:
            raise DeclarationError(f"{one.kind} {one.uid}", "two declarations have this uid")
        seen.add((one.kind, one.uid))


def _with_patch(resource: Resource, patches: Path) -> Resource:
    path = patch_path(patches, resource.kind, resource.uid)
    if not path.is_file():
        return resource
    try:
        steps = json.loads(path.read_text(encoding="utf-8"))
        return replace(resource, body=patched(resource.body, steps))
    except (MismatchError, ValueError, KeyError, TypeError) as error:
        raise PatchError(path, str(error)) from error
