"""Every setting of the hub, in one table: environment over files of secrets over `kotahub.toml`.

The table feeds the program, `kotahub settings`, `docs/settings.md` and a completeness test.
"""

import os
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from devices.errors import HubError


class SecretsFolderError(HubError):
    """`KOTAHUB_SECRETS_DIR` names no folder: going on without its settings would be another hub."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        super().__init__(
            f"KOTAHUB_SECRETS_DIR is '{folder}', and there is no such folder. Make it, with a file "
            f"for each secret setting, as {folder}/influx_token; or unset KOTAHUB_SECRETS_DIR"
        )


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="KOTAHUB_", extra="forbid", frozen=True)

    data_dir: Annotated[Path, Field(description="Folder of everything that the hub keeps")] = Path(
        "data"
    )
    city: Annotated[
        str,
        Field(description="Shipped city (medan) or a folder with areas.geojson and scenarios"),
    ] = "medan"
    timezone: Annotated[str, Field(description="Time zone of the city, for people")] = (
        "Asia/Jakarta"
    )
    mqtt_url: Annotated[
        SecretStr | None,
        Field(
            description="Broker as mqtt://user:password@host:1883 or mqtts://…; "
            "without it the hub starts its own Mosquitto"
        ),
    ] = None
    mqtt_bind: Annotated[str, Field(description="Address and port of the hub's own Mosquitto")] = (
        "127.0.0.1:1883"
    )
    mqtt_admin_url: Annotated[
        SecretStr | None,
        Field(
            description="The same broker with a dynamic-security admin, to manage the "
            "credentials of devices"
        ),
    ] = None
    mqtt_ca_file: Annotated[
        Path | None, Field(description="Certificate authority that the broker's TLS must show")
    ] = None
    mqtt_public_host: Annotated[
        str | None,
        Field(description="Name by which sensors find the broker, where mqtt_url has another"),
    ] = None
    mqtt_client_id: Annotated[
        str, Field(description="Client id of the hub's session on the broker; never two alike")
    ] = "kotahub-ingest"
    mqtt_session_expiry_s: Annotated[
        int, Field(ge=0, description="How long the broker keeps messages for an absent hub")
    ] = 7 * 86_400
    mqtt_coalesce_ms: Annotated[
        float,
        Field(ge=0, le=1000, description="Pause between two reads from the broker; saves CPU"),
    ] = 20.0
    dialects: Annotated[
        dict[str, str],
        Field(description="Topic filter to dialect, beside the dialects' own filters"),
    ] = {}
    payload_max_bytes: Annotated[
        int, Field(gt=0, description="A larger message is quarantined as too_large")
    ] = 256 * 1024
    future_max_s: Annotated[
        int, Field(ge=0, description="A reading further in the future is quarantined")
    ] = 300
    device_rate_max_per_s: Annotated[
        float,
        Field(gt=0, description="Messages a second that a device may send for ever"),
    ] = 100.0
    device_burst_max_messages: Annotated[
        int,
        Field(
            gt=0,
            description="Messages that a device may send at once, as after an outage; "
            "what goes beyond rate and burst is quarantined as rate_limited",
        ),
    ] = 60_000
    journal_max_bytes: Annotated[
        int,
        Field(gt=0, description="Disk budget of the journal; at it the hub stops acknowledging"),
    ] = 4 * 1024**3
    store: Annotated[
        Literal["duckdb", "influxdb"], Field(description="Where readings are kept")
    ] = "duckdb"
    influx_url: Annotated[str, Field(description="Address of InfluxDB")] = "http://127.0.0.1:8086"
    influx_token: Annotated[
        SecretStr, Field(description="InfluxDB token that may write to and read from the bucket")
    ] = SecretStr("")
    influx_org: Annotated[str, Field(description="InfluxDB organisation")] = "kotahub"
    influx_bucket: Annotated[str, Field(description="InfluxDB bucket")] = "kotahub"
    influx_batch_max_bytes: Annotated[int, Field(gt=0, description="Largest body of one write")] = (
        2 * 1024**2
    )
    influx_timeout_s: Annotated[
        float, Field(gt=0, description="A write without an answer is tried again after this")
    ] = 30.0
    database_url: Annotated[
        SecretStr | None,
        Field(description="Registry as an SQLAlchemy URL; without it SQLite in the data folder"),
    ] = None
    http_bind: Annotated[str, Field(description="Address and port of the HTTP server")] = (
        "127.0.0.1:8080"
    )
    grafana_url: Annotated[
        SecretStr | None,
        Field(
            description="Grafana as http://HOST:3000; with USER:PASSWORD@ of an administrator the "
            "hub makes itself a service account"
        ),
    ] = None
    grafana_token: Annotated[
        SecretStr | None,
        Field(
            description="Token of a service account with the role Admin; without it the one that "
            "the hub made"
        ),
    ] = None
    grafana_influx_url: Annotated[
        str | None,
        Field(description="InfluxDB as Grafana reaches it, where that is not influx_url"),
    ] = None
    grafana_influx_token: Annotated[
        SecretStr | None,
        Field(
            description="InfluxDB token for Grafana, which needs to read only; without it "
            "influx_token"
        ),
    ] = None
    grafana_contact: Annotated[
        SecretStr | None,
        Field(
            description="Where Grafana's own alerts go: mailto:room@city.example or the address "
            "of a webhook"
        ),
    ] = None
    language: Annotated[
        Literal["id", "en"], Field(description="Language where the reader's is not known")
    ] = "id"

    @field_validator("timezone")
    @classmethod
    def _zone_exists(cls, value: str) -> str:
        ZoneInfo(value)
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        del dotenv_settings, file_secret_settings
        folder = os.environ.get("KOTAHUB_SECRETS_DIR")
        if folder and not Path(folder).is_dir():
            raise SecretsFolderError(folder)
        return (
            init_settings,
            env_settings,
            SecretsSettingsSource(settings_cls, folder or None, env_prefix=""),
            TomlConfigSettingsSource(
                settings_cls, Path(os.environ.get("KOTAHUB_CONFIG", "kotahub.toml"))
            ),
        )

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    @property
    def registry_url(self) -> str:
        """SQLAlchemy URL of the registry."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite:///{(self.data_dir / 'registry.db').resolve()}"

    @property
    def journal_path(self) -> Path:
        return self.data_dir / "journal.db"

    @property
    def quality_path(self) -> Path:
        return self.data_dir / "quality.db"

    @property
    def derived_path(self) -> Path:
        return self.data_dir / "derived.db"

    @property
    def grafana_token_path(self) -> Path:
        """Where the hub keeps the Grafana login that it made for itself."""
        return self.data_dir / "grafana.token"

    @property
    def grafana_patches(self) -> Path:
        """Folder of the hand edits of Grafana that were kept."""
        return self.data_dir / "dashboards"

    @property
    def duckdb_path(self) -> Path:
        return self.data_dir / "readings.duckdb"
