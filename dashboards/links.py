"""Where dashboards stand and how one leads to another."""

from typing import Final

from grafana_foundation_sdk.models import dashboard

from dashboards.site import Language
from devices.errors import HubError
from devices.kind import Kind

UID_MAX: Final = 40
"""Characters that Grafana takes in a uid."""

CITY_WALL: Final = "city-wall"
KECAMATAN: Final = "kecamatan"
HUB_HEALTH: Final = "hub-health"
RESERVED: Final = frozenset({CITY_WALL, KECAMATAN, HUB_HEALTH})


class KindNameError(HubError):
    """A kind whose id no dashboard can be called by."""

    def __init__(self, kind: str, why: str) -> None:
        super().__init__(f"Kind '{kind}' can have no dashboards: {why}. Give the kind another id")


def uid(name: str, language: Language) -> str:
    """The stable uid of a dashboard."""
    return f"kotahub-{name}-{language}"


def sensor_name(kind: Kind) -> str:
    """The name of the dashboard of one device of a kind.

    Raises:
        KindNameError: Grafana would refuse its uid, or another dashboard has it.
    """
    name = f"sensor-{kind.id}"
    if (length := len(uid(name, "en"))) > UID_MAX:
        why = f"their uid would have {length} characters, Grafana takes {UID_MAX}"
        raise KindNameError(kind.id, why)
    if kind.id in RESERVED:
        raise KindNameError(kind.id, "one of the hub's own is called so")
    return name


def path(name: str, language: Language, **variables: str) -> str:
    """A way to a dashboard that takes the time range and these variables along."""
    query = "".join(f"&var-{variable}={value}" for variable, value in variables.items())
    return f"/d/{uid(name, language)}?${{__url_time_range}}&var-datasource=${{datasource}}{query}"


class DataLink(dashboard.DashboardLink):
    """A link on a value, which has no more than a title and an address."""

    def __init__(self, title: str, url: str) -> None:
        super().__init__(title=title, url=url)

    def to_json(self) -> dict[str, object]:
        return {"title": self.title, "url": self.url, "targetBlank": False}


class TopLink(dashboard.DashboardLink):
    """A link above a dashboard, beside the variables."""

    def to_json(self) -> dict[str, object]:
        # Where the SDK would put it is known to Grafana 12 and later only.
        return {name: value for name, value in super().to_json().items() if name != "placement"}


def top_link(
    title: str, url: str, *, tooltip: str, new_tab: bool = False
) -> dashboard.DashboardLink:
    """A link above a dashboard; it takes the time range along."""
    return TopLink(
        title=title,
        type_val=dashboard.DashboardLinkType.LINK,
        icon="external link" if new_tab else "dashboard",
        tooltip=tooltip,
        url=url,
        target_blank=new_tab,
        keep_time=not new_tab,
    )
