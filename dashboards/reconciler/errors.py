"""What can go wrong between the hub and a Grafana, and what to do about it."""

from pathlib import Path

from devices.errors import HubError


class DeclarationError(HubError):
    """What is declared for Grafana cannot be applied."""

    def __init__(self, source: Path | str, problem: str) -> None:
        self.source = source
        super().__init__(f"{source}: {problem}")


class GrafanaError(HubError):
    """Grafana did not do what it was asked for.

    Attributes:
        status: HTTP status of the answer; 0 where none came.
        said: Grafana's own words.
    """

    status = 0

    def __init__(self, call: str, said: str, todo: str) -> None:
        self.call = call
        self.said = said
        super().__init__(f"Grafana, {call}: {said}. {todo}")


class GrafanaUnreachableError(GrafanaError):
    def __init__(self, call: str, said: str) -> None:
        super().__init__(
            call,
            said,
            "Is it running, and is KOTAHUB_GRAFANA_URL its address? What was done so far stands; "
            "the same command goes on from there",
        )


class GrafanaAnswerError(GrafanaError):
    """An answer other than success."""

    def __init__(self, status: int, call: str, said: str) -> None:
        self.status = status
        super().__init__(call, f"{status} {said}", self.todo())

    def todo(self) -> str:
        """What the operator does next."""
        return "This is no answer that the hub knows; its cause is in Grafana's log"


class GrafanaLoginError(GrafanaAnswerError):
    """401."""

    def todo(self) -> str:
        return (
            "The login is not valid there, or no more. Set KOTAHUB_GRAFANA_TOKEN to a service "
            "account's token, or KOTAHUB_GRAFANA_URL to http://admin:PASSWORD@HOST:3000 and the "
            "hub makes itself a new one"
        )


class GrafanaForbiddenError(GrafanaAnswerError):
    """403."""

    def todo(self) -> str:
        return (
            "The login may not do this. Give the service account the role Admin (Grafana: "
            "Administration, Service accounts), or the permission that is named here"
        )


class GrafanaMissingError(GrafanaAnswerError):
    """404."""

    def todo(self) -> str:
        return "Is KOTAHUB_GRAFANA_URL complete, with its path if Grafana has one?"


class GrafanaConflictError(GrafanaAnswerError):
    """409 or 412: somebody else changed it, or has the name or uid."""

    def todo(self) -> str:
        return (
            "Somebody changed it at the same time, or something else has its name or uid. See: "
            "kotahub dashboards plan"
        )


class GrafanaBusyError(GrafanaAnswerError):
    """429 that did not end."""

    def todo(self) -> str:
        return (
            "It limits how often it is asked. Wait a minute and call the same command: it goes "
            "on from there"
        )


class GrafanaServerError(GrafanaAnswerError):
    """5xx that did not end."""

    def todo(self) -> str:
        return (
            "Grafana itself is in trouble (its log tells); is its disk full, or its database "
            "away? When it is well, the same command goes on from there"
        )


class PatchError(HubError):
    """A kept hand edit does not fit what is declared any more."""

    def __init__(self, path: Path | str, problem: str) -> None:
        self.path = path
        super().__init__(
            f"{path}: {problem}. What it changes was declared anew since: make the edit again in "
            "Grafana after moving the file away, or bring it into the builders"
        )
