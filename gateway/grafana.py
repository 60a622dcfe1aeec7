"""The Grafana of the settings: the hub's login there, and what is declared for it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from dashboards.reconciler.declared import GENERATED, Influx, declared
from dashboards.reconciler.errors import GrafanaLoginError
from dashboards.reconciler.grafana import Grafana
from dashboards.reconciler.grafana.login import make_login
from dashboards.reconciler.resource import Resource
from dashboards.reconciler.transport import Transport
from devices.errors import HubError
from gateway.mosquitto import write_private
from gateway.settings import Settings

_ACCOUNT: Final = "kotahub"


class NoGrafanaError(HubError):
    def __init__(self) -> None:
        super().__init__(
            "No Grafana is known. Set KOTAHUB_GRAFANA_URL, as http://127.0.0.1:3000, and "
            "KOTAHUB_GRAFANA_TOKEN; or for the first time http://admin:PASSWORD@127.0.0.1:3000"
        )


class NoGrafanaLoginError(HubError):
    def __init__(self) -> None:
        super().__init__(
            "There is no login for Grafana. Set KOTAHUB_GRAFANA_TOKEN to a service account's "
            "token with the role Admin; or put an administrator's USER:PASSWORD@ into "
            "KOTAHUB_GRAFANA_URL once, and the hub makes itself one"
        )


class NoInfluxForGrafanaError(HubError):
    def __init__(self) -> None:
        super().__init__(
            "Grafana reads from InfluxDB, and this hub stores in DuckDB. Set "
            "KOTAHUB_STORE=influxdb and the KOTAHUB_INFLUX_… of a server"
        )


def grafana_state(
    settings: Settings, generated: Path | None = None, *, with_kept: bool = True
) -> list[Resource]:
    """What the settings and the repository declare.

    Args:
        settings: say where InfluxDB is and where alerts go.
        generated: folder of the dashboards; without it the shipped ones.
        with_kept: with the hand edits that were kept.

    Raises:
        NoInfluxForGrafanaError: the readings are not in an InfluxDB.
        DeclarationError, PatchError: see `declared`.
    """
    if settings.store != "influxdb":
        raise NoInfluxForGrafanaError
    token = settings.grafana_influx_token or settings.influx_token
    contact = settings.grafana_contact
    return declared(
        Influx(
            url=settings.grafana_influx_url or settings.influx_url,
            database=settings.influx_bucket,
            token=token.get_secret_value(),
        ),
        contact=None if contact is None else contact.get_secret_value(),
        generated=generated or GENERATED,
        patches=settings.grafana_patches if with_kept else None,
    )


@asynccontextmanager
async def opened_grafana(settings: Settings) -> AsyncIterator[Grafana]:
    """Grafana with a login that works, made with the administrator's where there is none.

    Raises:
        NoGrafanaError: the settings name none.
        NoGrafanaLoginError: neither token nor administrator.
        GrafanaError: it does not answer, or refuses.
    """
    if settings.grafana_url is None:
        raise NoGrafanaError
    url = settings.grafana_url.get_secret_value()
    async with Transport(url, token=await _token(settings, url)) as transport:
        yield Grafana(transport)


async def _token(settings: Settings, url: str) -> str:
    """The token of the settings, or the stored one where it is still good, or a new one."""
    if settings.grafana_token is not None:
        return settings.grafana_token.get_secret_value()
    path = settings.grafana_token_path
    stored = path.read_text(encoding="utf-8").strip() if path.is_file() else None
    admin = Transport(url)
    if not admin.has_password:
        if stored is None:
            raise NoGrafanaLoginError
        return stored
    if stored is not None and await _works(url, stored):
        return stored
    async with admin:
        made = await make_login(admin, _ACCOUNT)
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    await asyncio.to_thread(write_private, path, f"{made}\n")
    return made


async def _works(url: str, token: str) -> bool:
    try:
        async with Transport(url, token=token) as transport:
            await transport.call("GET", "/api/folders", parameters={"limit": "1"})
    except GrafanaLoginError:
        return False
    return True
