"""Errors of the house. Each holds its facts and tells the reader what to do next."""


class HubError(Exception):
    """Base of every error that the hub raises on purpose; its text is for an operator."""


class InvalidDeclarationError(HubError):
    """A kind, model or scenario file is wrong.

    Attributes:
        source: the file as the reader named it.
        problems: one line each: `line N, key a.b: what is wrong`.
    """

    def __init__(self, source: str, problems: list[str]) -> None:
        self.source = source
        self.problems = problems
        super().__init__(f"{source}: " + "; ".join(problems))


class UnknownDeviceError(HubError):
    def __init__(self, device_id: str) -> None:
        self.device_id = device_id
        super().__init__(
            f"Device '{device_id}' is not registered. "
            f"Add it with: kotahub devices add {device_id} --kind KIND"
        )


class UnknownKindError(HubError):
    def __init__(self, kind: str, known: list[str]) -> None:
        self.kind = kind
        self.known = known
        super().__init__(f"Kind '{kind}' does not exist. Known kinds: {', '.join(sorted(known))}")


class UnknownModelError(HubError):
    def __init__(self, model: str, known: list[str]) -> None:
        self.model = model
        self.known = known
        super().__init__(
            f"Model '{model}' does not exist. Known models: {', '.join(sorted(known))}"
        )


class UnknownCityError(HubError):
    def __init__(self, city: str, shipped: list[str]) -> None:
        self.city = city
        super().__init__(
            f"City '{city}' is neither shipped ({', '.join(shipped)}) nor a folder. Set "
            f"KOTAHUB_CITY to a shipped name or to a folder that holds areas.geojson"
        )


class InvalidDeviceError(HubError):
    """A device cannot be registered as it is.

    Attributes:
        device_id: as it was given.
        problems: one sentence each, naming the field.
    """

    def __init__(self, device_id: str, problems: list[str]) -> None:
        self.device_id = device_id
        self.problems = problems
        super().__init__(f"Device '{device_id}': " + "; ".join(problems))


class DeviceExistsError(HubError):
    def __init__(self, device_ids: list[str]) -> None:
        self.device_ids = device_ids
        shown = ", ".join(device_ids[:10]) + (" …" if len(device_ids) > 10 else "")  # noqa: PLR2004
        super().__init__(
            f"Registered already: {shown}. Change a device with: "
            f"kotahub devices set {device_ids[0]} FIELD=VALUE"
        )


class DeviceChangedError(HubError):
    def __init__(self, device_id: str) -> None:
        self.device_id = device_id
        super().__init__(
            f"Device '{device_id}' was changed by someone else meanwhile. Look at it with: "
            f"kotahub devices show {device_id}, and make your change again"
        )


class AddressTakenError(HubError):
    def __init__(self, address: str, holder: str) -> None:
        self.address = address
        self.holder = holder
        super().__init__(
            f"Address '{address}' belongs to device '{holder}'. A message must find one device: "
            f"give another address, or free it with: kotahub devices set {holder} address="
        )


class RegistryUnavailableError(HubError):
    """The registry's database does not answer or cannot be used.

    Attributes:
        url: without its password.
    """

    def __init__(self, url: str, reason: str) -> None:
        self.url = url
        super().__init__(f"The registry at {url} cannot be used: {reason}")


class UnknownScopeError(HubError):
    def __init__(self, scopes: list[str], known: list[str]) -> None:
        self.scopes = scopes
        super().__init__(
            f"{'No scope' if not scopes else 'Unknown scope ' + ', '.join(scopes)}: "
            f"an API key has one or more of {', '.join(known)}"
        )


class UnknownKeyError(HubError):
    def __init__(self, key_id: str) -> None:
        self.key_id = key_id
        super().__init__(f"There is no API key '{key_id}' in force. See: kotahub keys list")


class UnknownScenarioError(HubError):
    def __init__(self, name: str, known: list[str]) -> None:
        self.name = name
        super().__init__(
            f"Scenario '{name}' is neither one of the city's ({', '.join(known) or 'none'}) "
            "nor a file"
        )


class InvalidBrokerError(HubError):
    """The text is no broker's address. It is not repeated: it may hold a password."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The broker's address cannot be used: {reason}. "
            "Write it as mqtt://user:password@host:1883, or mqtts:// for TLS"
        )


class CredentialsError(HubError):
    """The broker refused to change a login.

    Attributes:
        command: of the dynamic-security plugin.
        reason: in the broker's words.
    """

    def __init__(self, command: str, reason: str) -> None:
        self.command = command
        self.reason = reason
        super().__init__(
            f"The broker refused {command}: {reason}. Its log says more; "
            f"make the broker's files anew with: kotahub mosquitto init"
        )


class CredentialsNotAuthorisedError(HubError):
    def __init__(self, where: str, username: str | None) -> None:
        self.where = where
        self.username = username
        super().__init__(
            f"The broker at {where} does not let {username or 'an anonymous user'} manage logins. "
            f"Set KOTAHUB_MQTT_ADMIN_URL to the address with a dynamic-security admin, as "
            f"kotahub mosquitto init wrote it to secrets.json"
        )


class CredentialsUnavailableError(HubError):
    def __init__(self, where: str, reason: str) -> None:
        self.where = where
        self.reason = reason
        super().__init__(
            f"The broker at {where} cannot be asked to manage logins: {reason}. See that it runs, "
            f"that the address is right, and that it loads the dynamic-security plugin"
        )
