"""The MQTT source: one persistent session on the broker, held for ever.

QoS 1 and a session that outlives the connection: what the hub has not acknowledged, the broker
keeps and sends again. Acknowledgements are sent by hand, after the journal has the message.
"""

import asyncio
import logging
import random
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import unquote, urlsplit

import mqtt5

from devices.errors import HubError
from ingest.sources import Deliver
from ingest.sources.mqtt_session import PACKET_MAX_BYTES, Session

logger = logging.getLogger(__name__)

_KEEP_ALIVE_S: Final = 30
_HANDSHAKE_S: Final = 15.0
_BACKOFF_FIRST_S: Final = 0.25
_BACKOFF_MAX_S: Final = 30.0
_SUBSCRIBE_ID: Final = 1

Answer = TypeVar("Answer", mqtt5.ConnAckPacket, mqtt5.SubAckPacket)


class BrokerUrlError(HubError):
    def __init__(self, why: str) -> None:
        super().__init__(
            f"The broker's URL is wrong: {why}. It reads mqtt://user:password@host:1883 "
            "or mqtts://user:password@host:8883"
        )


class BrokerRefusedError(HubError):
    """The broker answers, but not as the hub needs it."""


class MqttSource:
    """Subscribes to `filters` on the broker at `url`.

    Args:
        url: `mqtt://user:password@host:port`, or `mqtts://` with TLS.
        filters: MQTT topic filters.
        client_id: names the session on the broker; no other client may use it.
        session_expiry_s: how long the broker keeps the session of an absent hub.
        coalesce_s: rest between two reads.
        ca_file: certificate authority of the broker; the system's own where it is None.

    Raises:
        BrokerUrlError: `url` cannot be read.
    """

    def __init__(
        self,
        url: str,
        filters: Sequence[str],
        *,
        client_id: str = "kotahub-ingest",
        session_expiry_s: int = 7 * 86_400,
        coalesce_s: float = 0.004,
        ca_file: Path | None = None,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname:
            raise BrokerUrlError("no mqtt:// or mqtts:// with a host")
        secure = parts.scheme == "mqtts"
        try:
            self._port = parts.port or (8883 if secure else 1883)
        except ValueError as error:
            raise BrokerUrlError(str(error)) from error
        self._host = parts.hostname
        self._tls = ssl.create_default_context(cafile=ca_file) if secure else None
        self._filters = tuple(filters)
        self._coalesce_s = coalesce_s
        self._connect = mqtt5.ConnectPacket(
            client_id,
            username=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password).encode() if parts.password else None,
            clean_start=False,
            keep_alive=_KEEP_ALIVE_S,
            session_expiry_interval=session_expiry_s,
            receive_max=65535,
            max_packet_size=PACKET_MAX_BYTES,
        ).write()
        self._session: Session | None = None
        self._held = False
        self.connected = False
        self.problem: str | None = "not connected yet"

    async def run(self, deliver: Deliver) -> None:
        """Connects and reconnects until it is cancelled; then leaves the broker in good order."""
        backoff_s = _BACKOFF_FIRST_S
        while True:
            try:
                session = await self._open_in_time(deliver)
                backoff_s = _BACKOFF_FIRST_S
                await self._hold_open(session)
            except (OSError, HubError) as error:
                self.problem = str(error) or type(error).__name__
            finally:
                self._leave()
            # Jitter, so that many clients do not come back at the same instant.
            delay_s = backoff_s * random.uniform(0.5, 1.5)  # noqa: S311 - no secret
            logger.warning(
                "broker %s:%s: %s; again in %.1f s", self._host, self._port, self.problem, delay_s
            )
            await asyncio.sleep(delay_s)
            backoff_s = min(2 * backoff_s, _BACKOFF_MAX_S)

    def publish(self, topic: str, payload: bytes) -> None:
        if self._session is not None:
            self._session.send(mqtt5.PublishPacket(topic, payload).write())

    def hold(self) -> None:
        self._held = True
        if self._session is not None:
            self._session.hold()

    def release(self) -> None:
        self._held = False
        if self._session is not None:
            self._session.release()

    async def _open_in_time(self, deliver: Deliver) -> Session:
        try:
            async with asyncio.timeout(_HANDSHAKE_S):
                return await self._open(deliver)
        except TimeoutError as error:
            raise TimeoutError(f"no answer within {_HANDSHAKE_S:g} s") from error

    async def _open(self, deliver: Deliver) -> Session:
        loop = asyncio.get_running_loop()
        _, session = await loop.create_connection(
            lambda: Session(deliver, coalesce_s=self._coalesce_s),
            self._host,
            self._port,
            ssl=self._tls,
        )
        # Before the CONNECT: the broker may send messages right behind its answer.
        self._session = session
        session.send(self._connect)
        connack = await _answer(session, session.connack)
        if connack.reason_code is not mqtt5.ConnAckReasonCode.SUCCESS:
            raise BrokerRefusedError(
                f"the broker refuses the hub: {connack.reason_code.name}. "
                "Check the user and password in KOTAHUB_MQTT_URL"
            )
        await self._subscribe(session)
        self.connected, self.problem = True, None
        logger.info(
            "subscribed on %s:%s (%s session)",
            self._host,
            self._port,
            "resumed" if connack.session_present else "new",
        )
        if self._held:
            session.hold()
        return session

    async def _subscribe(self, session: Session) -> None:
        wanted = [
            mqtt5.TopicFilter(
                pattern,
                max_qos=mqtt5.QoS.AT_LEAST_ONCE,
                # A retained reading was counted when it was new.
                retain_handling=mqtt5.RetainHandling.SEND_IF_SUBSCRIPTION_NOT_EXISTS,
            )
            for pattern in self._filters
        ]
        session.send(mqtt5.SubscribePacket(_SUBSCRIBE_ID, wanted).write())
        suback = await _answer(session, session.suback)
        granted = mqtt5.SubAckReasonCode.GRANTED_QOS_AT_LEAST_ONCE
        refused = [
            f"{pattern} ({code.name})"
            for pattern, code in zip(self._filters, suback.reason_codes, strict=True)
            if code is not granted
        ]
        if refused:
            raise BrokerRefusedError(
                f"the broker does not grant QoS 1 on {', '.join(refused)}: "
                "the hub's user must be allowed to subscribe to it"
            )

    async def _hold_open(self, session: Session) -> None:
        loop = asyncio.get_running_loop()
        while not session.closed.done():
            await asyncio.wait([session.closed], timeout=_KEEP_ALIVE_S / 2)
            if loop.time() - session.last_packet_s > 2 * _KEEP_ALIVE_S and not self._held:
                raise TimeoutError("the broker is silent")
            session.send(mqtt5.PingReqPacket().write())
        error = session.closed.result()
        self.problem = str(error) if error else "the broker closed the connection"

    def _leave(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None
        self.connected = False


async def _answer(session: Session, future: "asyncio.Future[Answer]") -> Answer:
    """Waits for the packet, or for the connection's end."""
    either: list[asyncio.Future[Any]] = [future, session.closed]
    await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    if future.done() and not future.cancelled():
        return future.result()
    error = session.closed.result() if session.closed.done() else None
    raise ConnectionError(str(error) if error else "the broker closed the connection")
