"""Documents of Mosquitto's dynamic-security plugin: logins and what each may do.

A device's login is its id, and its role is its own: the `%u` in a topic that would let all share
one role exists from Mosquitto 2.1 on, while 2.0 is what distributions ship. The format is that of
the plugin's file and of its control topic alike.
"""

import base64
import hashlib
import secrets
from collections.abc import Mapping
from typing import Any, Final

CONTROL: Final = "$CONTROL/dynamic-security/v1"
RESPONSE: Final = f"{CONTROL}/response"

_ITERATIONS: Final = 101
"""The plugin's own number for a new password. Ours are random, so no more are needed."""
_SALT_BYTES: Final = 12
_HASH_BYTES: Final = 64


def new_password() -> str:
    """144 random bits in 24 characters that need no quoting in a URL."""
    return secrets.token_urlsafe(18)


def role_name(device_id: str) -> str:
    return f"device:{device_id}"


def device_role(device_id: str) -> dict[str, Any]:
    """The role of one device: publishes below its own topic, hears only what is sent down to it."""
    own, down = f"sensors/{device_id}/#", f"sensors/{device_id}/down/#"
    return {
        "rolename": role_name(device_id),
        "acls": [
            {"acltype": "publishClientSend", "topic": down, "priority": 1, "allow": False},
            {"acltype": "publishClientSend", "topic": own, "priority": 0, "allow": True},
            {"acltype": "publishClientReceive", "topic": down, "priority": 0, "allow": True},
            {"acltype": "subscribePattern", "topic": down, "priority": 0, "allow": True},
        ],
    }


def stored_client(username: str, password: str, role: str) -> dict[str, Any]:
    """A login as the plugin's file holds it: PBKDF2-HMAC-SHA512, salt of 12 bytes, base64."""
    salt = secrets.token_bytes(_SALT_BYTES)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, _ITERATIONS, _HASH_BYTES)
    return {
        "username": username,
        "roles": [{"rolename": role}],
        "password": base64.b64encode(digest).decode(),
        "salt": base64.b64encode(salt).decode(),
        "iterations": _ITERATIONS,
    }


def opens(client: Mapping[str, Any], password: str) -> bool:
    """Whether the password is that of a login in the plugin's file."""
    salt, iterations = base64.b64decode(client["salt"]), int(client["iterations"])
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, iterations, _HASH_BYTES)
    return secrets.compare_digest(base64.b64encode(digest).decode(), client["password"])


def same_roles(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two roles permit the same; the plugin adds members and sorts when it saves."""
    return _rules(one) == _rules(other)


def _rules(role: Mapping[str, Any]) -> frozenset[tuple[str, str, int, bool]]:
    return frozenset(
        (rule["acltype"], rule["topic"], rule.get("priority", 0), rule["allow"])
        for rule in role["acls"]
    )
