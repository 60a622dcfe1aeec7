"""Grafana as declared: dashboards built from the kinds, and what keeps a Grafana like them."""

import warnings

# The SDK points at the schema that only Grafana 12 and later read, as soon as it is imported.
with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import grafana_foundation_sdk.builders.dashboard
    import grafana_foundation_sdk.models.dashboard  # noqa: F401 - imported once, quietly
