"""Errors of the door: what a caller asked for cannot be understood."""

from devices.errors import HubError


class InvalidParameterError(HubError):
    """A parameter of a request or an option of a command is wrong.

    Attributes:
        field: the parameter's name, the same over HTTP and on the command line.
        problem: what is wrong and what is expected.
    """

    def __init__(self, field: str, problem: str) -> None:
        self.field = field
        self.problem = problem
        super().__init__(f"{field}: {problem}")
