"""One bad point harms nobody: it is quarantined in the store's words, the rest is written."""

import base64
import json
import time
from collections import Counter
from collections.abc import Sequence

import httpx
import pytest

from ingest.batch import Batch
from ingest.journal import Journal
from tests.conservation import expected_points, stored_points
from tests.e2e.stream import Published, later, stream
from tests.faults.conftest import Site
from tests.faults.proxy import Proxy, refuse_lines
from tests.hubs import HubProcess, balanced
from tests.servers import Influx

MONTH_MS = 30 * 86_400_000


def check_refused(
    hub: HubProcess,
    influxd: Influx,
    messages: Sequence[Published],
    refused: Sequence[Published],
    words: str,
) -> None:
    """Just these are quarantined, in these words of the server; everything else is as always."""
    rest = [message for message in messages if message not in refused]
    assert stored_points(hub, influxd) == expected_points(rest)
    items = hub.items("quarantine", "list", "--reason", "store_rejected")
    assert Counter(item["device"] for item in items) == Counter(m.device for m in refused)
    assert all(words in item["detail"] for item in items)
    assert all(b"device=" in base64.b64decode(item["payload"]) for item in items)
    ledger = hub.ledger()
    assert balanced(ledger)
    stored = Counter(message.device for message in rest if message.good)
    bad = Counter(m.device for m in messages) - stored
    for device in {message.device for message in messages}:
        row = ledger[device]
        assert (row["stored"], row["quarantined"]) == (stored[device], bad[device])
        assert (row["duplicate"], row["pending"]) == (0, 0)


@pytest.mark.timeout(300)
def test_field_type_conflict(site: Site) -> None:
    hub = site.hub()
    messages = stream(site.known, good=1_960, bad=40, seed=31)
    refused = []
    for place, message in enumerate(messages):
        if message.good and message.device == "flood-001":
            messages[place] = later(message, MONTH_MS)
            refused.append(messages[place])
    # Somebody else wrote `level` as text into the shard of that month.
    conflict = f'flood,device=other level="high" {json.loads(refused[0].payload)["time"]}'
    httpx.post(
        f"{site.influxd.url}/api/v2/write",
        params={
            "org": site.influxd.org,
            "bucket": hub.environment["INFLUX_BUCKET"],
            "precision": "ms",
        },
        headers={"Authorization": f"Token {site.influxd.token}"},
        content=conflict,
        trust_env=False,
    ).raise_for_status()
    hub.start()
    site.publisher.publish(messages)
    hub.wait_settled(len(messages))
    assert len(refused) > 40
    check_refused(hub, site.influxd, messages, refused, "field type conflict")
    assert hub.stop() == 0


@pytest.mark.timeout(300)
def test_retention_exceeded(site: Site) -> None:
    hub = site.hub(INFLUX_BUCKET=site.influxd.bucket(keep_s=3600))
    hub.start()
    messages = stream(site.known, good=1_470, bad=30, seed=32)
    newest = json.loads(next(m.payload for m in reversed(messages) if m.good))["time"]
    shift = int(time.time() * 1000) - newest - 60_000
    refused = []
    for place, message in enumerate(messages):
        if not message.good:
            continue
        if place % 10:
            messages[place] = later(message, shift)
        else:
            refused.append(message)
    site.publisher.publish(messages)
    hub.wait_settled(len(messages))
    assert len(refused) > 100
    check_refused(hub, site.influxd, messages, refused, "etention")
    assert hub.stop() == 0


@pytest.mark.timeout(300)
def test_lines_that_cannot_be_parsed(site: Site) -> None:
    """The hub writes none; one that stands in the journal all the same stops nobody."""
    hub = site.hub()
    hub.start()
    messages = stream(site.known, good=980, bad=20, seed=33)
    site.publisher.publish(messages[:500])
    broken = [b"flood,device=flood-001 level=high 1", b"flood,device=flood-005 level= 2", b"x,"]
    with Journal.open(hub.folder / "journal.db") as journal:
        devices = {"flood-001": 1, "flood-005": 1, "?": 1}
        journal.commit(Batch(time.time_ns(), broken, [1] * len(broken), devices))
    site.publisher.publish(messages[500:])
    hub.wait_settled(len(messages) + len(broken))
    items = hub.items("quarantine", "list", "--reason", "store_rejected")
    assert [base64.b64decode(item["payload"]) for item in items] == broken
    assert all("unable to parse" in item["detail"] for item in items)
    hub.say("quarantine", "discard", "--yes", *(str(item["id"]) for item in items))
    ledger = hub.ledger()
    assert balanced(ledger)
    assert stored_points(hub, site.influxd) == expected_points(messages)
    good = Counter(message.device for message in messages if message.good)
    assert {name: row["stored"] for name, row in ledger.items() if row["stored"]} == good
    quarantined = sum(row["quarantined"] for row in ledger.values())
    assert quarantined == sum(not message.good for message in messages) + len(broken)
    assert hub.stop() == 0


@pytest.mark.timeout(300)
def test_lines_that_a_server_does_not_want_today_are_taken_tomorrow(site: Site) -> None:
    with Proxy(site.influxd.url) as proxy:
        hub = site.hub(INFLUX_URL=proxy.url)
        hub.start()
        proxy.order(refuse_lines(0, 7, -1))
        messages = stream(site.known, good=980, bad=20, seed=34)
        site.publisher.publish(messages)
        hub.wait_settled(len(messages))
        items = hub.items("quarantine", "list", "--reason", "store_rejected")
        assert len(items) == len({base64.b64decode(item["payload"]) for item in items}) == 3
        assert all("bad timestamp" in item["detail"] for item in items)
        assert len(stored_points(hub, site.influxd)) == 980 - 3
        said = hub.say("quarantine", "replay", "--reason", "store_rejected")
        assert said["accepted"] == 3
        site.check_conserved(hub, messages)
