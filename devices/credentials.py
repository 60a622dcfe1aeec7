"""Logins of devices on the broker, managed over its dynamic-security control topic."""

import asyncio
import json
import secrets
import ssl
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final

import aiomqtt

from devices.dynamic_security import CONTROL, RESPONSE, device_role, new_password, role_name
from devices.errors import (
    CredentialsError,
    CredentialsNotAuthorisedError,
    CredentialsUnavailableError,
)
from devices.simulator.broker import Broker

_BATCH: Final = 20
"""Commands in one message. The broker answers nobody else meanwhile: 2.0 saves its whole file
after every command (0.1 s a batch with 1,000 devices), so a batch is small."""
_IN_FLIGHT: Final = 2
"""Messages under way: the broker finds the next one waiting when it has answered one."""
_ANSWER_S: Final = 30.0
_CONNECT_S: Final = 10.0
_NOT_AUTHORISED: Final = (4, 5, 134, 135)
"""Connection refused for its login: MQTT 3.1.1 (4, 5) and MQTT 5 (134, 135)."""
_DENIED: Final = 128
"""The least reason code of MQTT 5 that says no."""

_EXISTS: Final = frozenset({"Client already exists", "Role already exists"})
_MISSING: Final = frozenset({"Client not found", "Role not found"})


class BrokerCredentials:
    """Creates, replaces and deletes the logins of devices.

    Each call connects, sends all its commands and leaves. A device's user name is its id; its
    role lets it publish below `sensors/<id>/` and hear `sensors/<id>/down`.

    Args:
        admin_url: `mqtt://user:password@host:1883` or `mqtts://…` of a dynamic-security admin.
        ca_file: certificate authority of the broker; the system's own where it is None.

    Raises:
        InvalidBrokerError: `admin_url` cannot be read.
    """

    def __init__(self, admin_url: str, *, ca_file: Path | None = None) -> None:
        self._broker = Broker.parse(admin_url)
        self._ca_file = ca_file

    async def create(self, device_ids: Iterable[str]) -> dict[str, str]:
        """Gives each device a new random password; one that has a login loses its old password.

        Returns:
            Password by device id: the only time that anyone sees it.

        Raises:
            CredentialsNotAuthorisedError: the admin may not do this.
            CredentialsUnavailableError: the broker does not answer; logins up to there are made.
            CredentialsError: the broker refused a command.
        """
        passwords = {device_id: new_password() for device_id in device_ids}
        async with self._control() as control:
            answers = await control.ask(
                [
                    command
                    for device_id, password in passwords.items()
                    for command in (
                        {"command": "createRole", **device_role(device_id)},
                        {
                            "command": "createClient",
                            "username": device_id,
                            "password": password,
                            "roles": [{"rolename": role_name(device_id)}],
                        },
                    )
                ]
            )
            _refuse(answers, but=_EXISTS)
            held = [
                device_id
                for device_id, answer in zip(passwords, answers[1::2], strict=True)
                if answer.get("error") in _EXISTS
            ]
            replaced = await control.ask(
                [
                    {
                        "command": "setClientPassword",
                        "username": device_id,
                        "password": passwords[device_id],
                    }
                    for device_id in held
                ]
            )
            _refuse(replaced)
        return passwords

    async def delete(self, device_ids: Iterable[str]) -> None:
        """Takes the logins away and disconnects who uses them; one without a login is no error.

        Raises:
            CredentialsError: as `create`.
        """
        async with self._control() as control:
            answers = await control.ask(
                [
                    command
                    for device_id in device_ids
                    for command in (
                        {"command": "deleteClient", "username": device_id},
                        {"command": "deleteRole", "rolename": role_name(device_id)},
                    )
                ]
            )
            _refuse(answers, but=_MISSING)

    async def exists(self, device_ids: Iterable[str]) -> frozenset[str]:
        """Those of the devices that have a login.

        Raises:
            CredentialsError: as `create`.
        """
        asked = list(device_ids)
        async with self._control() as control:
            answers = await control.ask(
                [{"command": "getClient", "username": device_id} for device_id in asked]
            )
            _refuse(answers, but=_MISSING)
        return frozenset(
            device_id
            for device_id, answer in zip(asked, answers, strict=True)
            if "error" not in answer
        )

    @asynccontextmanager
    async def _control(self) -> AsyncIterator["_Control"]:
        where = f"{self._broker.host}:{self._broker.port}"
        try:
            async with AsyncExitStack() as stack:
                client = await stack.enter_async_context(
                    aiomqtt.Client(
                        self._broker.host,
                        self._broker.port,
                        username=self._broker.username,
                        password=self._broker.password,
                        protocol=aiomqtt.ProtocolVersion.V5,
                        timeout=_CONNECT_S,
                        tls_context=ssl.create_default_context(cafile=self._ca_file)
                        if self._broker.tls
                        else None,
                    )
                )
                granted = await client.subscribe(RESPONSE, qos=1)
                if any(getattr(code, "value", code) >= _DENIED for code in granted):
                    raise CredentialsNotAuthorisedError(where, self._broker.username)
                yield _Control(client, where)
        except aiomqtt.MqttCodeError as error:
            if getattr(error.rc, "value", error.rc) in _NOT_AUTHORISED:
                raise CredentialsNotAuthorisedError(where, self._broker.username) from error
            raise CredentialsUnavailableError(where, str(error)) from error
        except (aiomqtt.MqttError, OSError) as error:
            raise CredentialsUnavailableError(where, str(error)) from error


class _Control:
    """Sends commands and pairs the answers, which every admin of the broker hears."""

    def __init__(self, client: aiomqtt.Client, where: str) -> None:
        self._client = client
        self._where = where
        self._mine = secrets.token_hex(8)
        self._asked = 0

    async def ask(self, commands: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """The answers, in the order of the commands."""
        answers: dict[str, dict[str, Any]] = {}
        keys = [f"{self._mine}-{self._asked + index}" for index in range(len(commands))]
        self._asked += len(commands)
        tagged = [
            {**command, "correlationData": key} for command, key in zip(commands, keys, strict=True)
        ]
        batches = [tagged[at : at + _BATCH] for at in range(0, len(tagged), _BATCH)]
        incoming = aiter(self._client.messages)
        for number in range(len(batches) + _IN_FLIGHT):
            if number < len(batches):
                payload = json.dumps({"commands": batches[number]})
                await self._client.publish(CONTROL, payload, qos=0)
            # The answers to the batch that was sent `_IN_FLIGHT - 1` batches ago.
            due = keys[: _BATCH * max(0, number - _IN_FLIGHT + 2)]
            while len(answers) < len(due):
                message = await self._next(incoming)
                for answer in json.loads(bytes(message.payload))["responses"]:
                    if answer.get("correlationData", "").startswith(self._mine):
                        answers[answer["correlationData"]] = answer
        return [answers[key] for key in keys]

    async def _next(self, incoming: AsyncIterator[aiomqtt.Message]) -> aiomqtt.Message:
        try:
            async with asyncio.timeout(_ANSWER_S):
                return await anext(incoming)
        except TimeoutError:
            raise CredentialsUnavailableError(
                self._where, f"no answer on {RESPONSE} within {_ANSWER_S:g} s"
            ) from None


def _refuse(answers: Iterable[Mapping[str, Any]], *, but: frozenset[str] = frozenset()) -> None:
    for answer in answers:
        error = answer.get("error")
        if error is not None and error not in but:
            raise CredentialsError(str(answer.get("command")), str(error))
