"""A small hub at rest, with something of everything, and what is in it."""

import asyncio
import json
from contextlib import closing
from pathlib import Path
from typing import Final

from devices.device import Device
from devices.kind import load_kinds
from devices.registry import Registry
from gateway.backup.readings import export_of
from gateway.settings import Settings
from gateway.store import open_store
from ingest.batch import Batch, Quarantined
from ingest.derived.touched import Touched
from ingest.journal import Journal
from ingest.quality import QualityFile
from ingest.stores.export import COMMENT, every_line
from ingest.types import Reason

T0: Final = 1_795_507_266_123_456_789
LINES: Final = [b"air,device=air-01 pm25=%d.5,pm25_qc=1 %d" % (n, T0 + n) for n in range(1000)]
RUBBISH: Final = b"\x00\xff{not json"
OWN_KIND: Final = (Path(__file__).parents[3] / "docs" / "kinds.md").read_text(encoding="utf-8")


def make_hub(settings: Settings) -> str:
    """Fills the folder, the registry and the store of the settings; returns an API key."""
    data = settings.data_dir
    (data / "kinds").mkdir(parents=True)
    parking = OWN_KIND.partition("```toml\n")[2].partition("```")[0]
    (data / "kinds" / "parking.toml").write_text(parking, encoding="utf-8")
    (data / "grafana.token").write_text("token of grafana", encoding="utf-8")
    (data / "hub.json").write_text("{}", encoding="utf-8")
    broker = data / "mosquitto"
    (broker / "pending").mkdir(parents=True)
    for name in ("dynamic-security.json", "secrets.json", "pending/a.json", "broker.pid"):
        (broker / name).write_text(json.dumps({"file": name}), encoding="utf-8")
    (broker / "mosquitto.db").write_bytes(bytes(range(256)))
    with closing(Registry.open(settings.registry_url)) as registry:
        registry.add_many([Device("air-01", "air"), Device("lot-1", "parking")], by="tests")
        key = registry.create_key("reader", ["read"])
    with Journal.open(settings.journal_path) as journal:
        refused = Quarantined("air-01", "sensors/air-01/up", Reason.NOT_JSON, "why", 5, RUBBISH)
        journal.commit(Batch(1, LINES[:600], [1] * 600, {"air-01": 600}, quarantined=[refused]))
        journal.settle(journal.take(max_bytes=1 << 30), {})
        journal.commit(Batch(2, LINES[600:], [1] * 400, {"air-01": 400}))
    QualityFile.open(settings.quality_path).close()
    with closing(Touched.open(settings.derived_path)) as touched:
        touched.add([("air-01", T0)])
    asyncio.run(_store(settings, [*LINES[:600], b"parking,channel=roof,device=lot-1 free=3.0 7"]))
    return key


async def _store(settings: Settings, lines: list[bytes]) -> None:
    store = open_store(settings, load_kinds(settings.data_dir))
    try:
        await store.ensure()
        assert await store.write(lines) == {}
    finally:
        await store.close()


def stored(settings: Settings) -> list[bytes]:
    """Every line of the store, sorted."""

    async def read() -> list[bytes]:
        store = open_store(settings, load_kinds(settings.data_dir))
        try:
            blocks = [block async for block in every_line(export_of(settings, store))]
        finally:
            await store.close()
        return b"".join(blocks).splitlines()

    return sorted(line for line in asyncio.run(read()) if not line.startswith(COMMENT))


def tree(folder: Path) -> dict[str, bytes]:
    """Every file of a folder and what is in it."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def check_same(one: Settings, other: Settings, key: str) -> None:
    """What the two hubs hold is the same, and the key opens both."""
    with (
        closing(Registry.open(one.registry_url)) as first,
        closing(Registry.open(other.registry_url)) as second,
    ):
        assert second.devices() == first.devices()
        assert second.revision() == first.revision()
        assert second.key_scopes(key) == first.key_scopes(key) == frozenset({"read"})
    with Journal.open(one.journal_path) as first_journal, Journal.open(other.journal_path) as again:
        assert again.ledger() == first_journal.ledger()
        assert again.quarantine() == first_journal.quarantine()
        assert again.quarantine()[0].payload == RUBBISH
        taken = [line for batch in again.take(max_bytes=1 << 30) for line in batch.lines]
        assert taken == LINES[600:]
    with closing(Touched.open(other.derived_path)) as touched:
        assert touched.since(0) == {"air-01"}
    assert stored(other) == stored(one) != []
    for name in (
        "kinds/parking.toml",
        "grafana.token",
        "mosquitto/dynamic-security.json",
        "mosquitto/secrets.json",
        "mosquitto/pending/a.json",
        "mosquitto/mosquitto.db",
    ):
        assert (other.data_dir / name).read_bytes() == (one.data_dir / name).read_bytes(), name
    assert not (other.data_dir / "hub.json").exists()
    assert not (other.data_dir / "mosquitto" / "broker.pid").exists()
