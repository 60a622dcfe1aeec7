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
