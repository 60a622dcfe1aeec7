"""Dialects: one file opens the envelope of one network.

A dialect is a module with `NAME`, `FILTERS` (topic filters it listens to by default) and
`open_envelope(topic, payload)`.
"""
