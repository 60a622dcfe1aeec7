"""The broker that simulated sensors connect to."""

from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from devices.errors import InvalidBrokerError

_PORTS = {"mqtt": 1883, "mqtts": 8883}


@dataclass(frozen=True)
class Broker:
    """Address and, where all share one, login of a broker."""

    host: str
    port: int
    tls: bool = False
    username: str | None = None
    password: str | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, url: str) -> "Broker":
        """A broker from `mqtt://user:password@host:1883` or `mqtts://…`.

        Raises:
            InvalidBrokerError: it is no such address.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise InvalidBrokerError(str(error)) from error
        if parts.scheme not in _PORTS or not parts.hostname:
            raise InvalidBrokerError("it has another scheme or no host")
        return cls(
            host=parts.hostname,
            port=port or _PORTS[parts.scheme],
            tls=parts.scheme == "mqtts",
            username=None if parts.username is None else unquote(parts.username),
            password=None if parts.password is None else unquote(parts.password),
        )
