"""Who sits at the command line, for the audit."""

import getpass


def operator_name() -> str:
    """The user's login name, or `cli` where the system does not know it (in a container)."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "cli"
