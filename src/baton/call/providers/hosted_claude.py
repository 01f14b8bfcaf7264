"""Claude at a cloud: the model stands in the path, the version of the grammar in the body."""

from collections.abc import Mapping

import msgspec

from baton.call.providers.kind import Edit
from baton.protocol.request import read_members
from baton.protocol.splice import splice


def hosted_claude(version: str, *, keeps_stream: bool) -> Edit:
    """`version` is the cloud's own `anthropic_version`; betas that the caller names in a header go into the body."""

    def edit(body: bytes, caller: Mapping[str, str]) -> bytes:
        changed: dict[str, bytes | None] = {"model": None, "anthropic_version": msgspec.json.encode(version)}
        if not keeps_stream:
            changed["stream"] = None
        if betas := [beta.strip() for beta in caller.get("anthropic-beta", "").split(",") if beta.strip()]:
            changed["anthropic_beta"] = msgspec.json.encode(betas)
        return splice(read_members(body), changed)

    return edit
