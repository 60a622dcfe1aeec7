"""Stores take line protocol and answer range queries."""
