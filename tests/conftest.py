"""Fixtures that every room's tests may take."""

pytest_plugins = ["tests.servers", "tests.brokers", "tests.hubs"]
