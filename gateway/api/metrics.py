"""Metrics in Prometheus' text form, read from the journal when they are asked for."""

import asyncio
import time
from collections.abc import Iterable

from fastapi import APIRouter, Response, Security
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from gateway.api.health import store_check
from gateway.api.keys import READ, TheHub
from gateway.api.problems import responses
from gateway.hub import Hub
from gateway.window import SECOND_NS

router = APIRouter(tags=["health"], dependencies=[Security(READ)])


@router.get(
    "/metrics",
    summary="Counters for Prometheus",
    response_class=Response,
    responses={
        200: {"content": {"text/plain": {"example": 'kotahub_messages_total{outcome="stored"} 9'}}},
        **responses(401, 403, 503),
    },
)
async def metrics(hub: TheHub) -> Response:
    store = await store_check(hub)
    families = await asyncio.to_thread(_families, hub, store_up=store.ok)
    return Response(_text(families), headers={"Content-Type": CONTENT_TYPE_LATEST})


def _families(hub: Hub, *, store_up: bool) -> list[Metric]:
    totals = hub.journal.totals()
    state = hub.journal.state()
    oldest_ns = state.oldest_pending_ns
    lag_s = 0.0 if oldest_ns is None else max(0, time.time_ns() - oldest_ns) / SECOND_NS
    messages = CounterMetricFamily(
        "kotahub_messages",
        "Messages that have their end, by outcome, all devices, since the data folder was made",
        labels=["outcome"],
    )
    messages.add_metric(["stored"], totals.stored)
    messages.add_metric(["duplicate"], totals.duplicate)
    gauges: list[tuple[str, str, float]] = [
        (
            "kotahub_messages_pending",
            "Messages in the journal, not in the store yet",
            totals.pending,
        ),
        (
            "kotahub_messages_quarantined",
            "Messages that count as quarantined; falls when they are replayed",
            totals.quarantined,
        ),
        ("kotahub_quarantine_items", "Items that stand in quarantine now", _standing(hub)),
        ("kotahub_journal_bytes", "Bytes of the journal in use", state.bytes),
        ("kotahub_journal_max_bytes", "Disk budget of the journal", state.max_bytes),
        (
            "kotahub_journal_damaged_files",
            "Damaged journals that are kept aside and that nobody has taken away",
            len(hub.journal.salvages()),
        ),
        ("kotahub_lag_seconds", "Age of the oldest message that is not in the store yet", lag_s),
        ("kotahub_broker_connected", "1 while messages can arrive", hub.broker_connected()),
        ("kotahub_store_up", "1 while the store answers", store_up),
    ]
    return [
        CounterMetricFamily(
            "kotahub_messages_received",
            "Messages that the hub took responsibility for",
            value=totals.received,
        ),
        messages,
        *(GaugeMetricFamily(name, words, value=value) for name, words, value in gauges),
    ]


def _standing(hub: Hub) -> int:
    return sum(hub.journal.quarantine_counts().values())


class _Gathered(Collector):
    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


def _text(families: Iterable[Metric]) -> bytes:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Gathered(families))
    return generate_latest(registry)
