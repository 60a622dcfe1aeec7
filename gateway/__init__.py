"""The door for people and other systems, and the place where everything is put together."""
