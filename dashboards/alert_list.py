"""The alert list: which rules of Grafana's own alerting are firing. The SDK has no such panel."""

from typing import Final

from grafana_foundation_sdk.models import dashboard

_BY_IMPORTANCE: Final = 3
_STATES: Final = {"firing": True, "pending": True, "error": True, "noData": False, "normal": False}


class AlertListOptions:
    """Options of the panel that Grafana 9.3 to 13 read alike."""

    def __init__(self, *, max_items: int = 20) -> None:
        self.max_items = max_items

    def to_json(self) -> dict[str, object]:
        return {
            "maxItems": self.max_items,
            "sortOrder": _BY_IMPORTANCE,
            "dashboardAlerts": False,
            "groupMode": "default",
            "groupBy": [],
            "alertName": "",
            "showInstances": False,
            "stateFilter": _STATES,
            "alertInstanceLabelFilter": "",
            "datasource": "",
            "viewMode": "list",
        }


def alert_list() -> dashboard.Panel:
    """Rules that are firing, pending or failing, the gravest first."""
    return dashboard.Panel(
        type_val="alertlist",
        options=AlertListOptions(),
        field_config=dashboard.FieldConfigSource(defaults=dashboard.FieldConfig(), overrides=[]),
    )
