"""Fixtures of this room."""

from tests.dashboards.city import city

__all__ = ["city"]
