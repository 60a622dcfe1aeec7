"""The hub's own login: a service account, and a token of it."""

import secrets
from typing import Any

from dashboards.reconciler.transport import Transport


async def make_login(transport: Transport, name: str) -> str:
    """A new token of the service account of this name, which is made where it is missing.

    Needs a user and password that may manage service accounts.
    """

    async def account() -> Any:
        path = "/api/serviceaccounts/search"
        answer = await transport.call("GET", path, parameters={"query": name})
        named = [row for row in answer["serviceAccounts"] if row["name"] == name]
        return named[0] if named else None

    async def is_there() -> bool:
        return await account() is not None

    if not await is_there():
        body = {"name": name, "role": "Admin"}
        await transport.call("POST", "/api/serviceaccounts", body, unless=is_there)
    path = f"/api/serviceaccounts/{(await account())['id']}/tokens"
    made = await transport.call("POST", path, {"name": f"{name}-{secrets.token_hex(4)}"})
    return str(made["key"])
