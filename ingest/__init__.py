"""A reading's way: source, dialect, validation, quality, journal, store."""
