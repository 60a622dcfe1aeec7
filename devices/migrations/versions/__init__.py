"""The versions; a released file is never edited."""
