"""Keys of AWS: from the environment as they stand there, else by botocore's whole chain (extra `aws`)."""

import asyncio
import os
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from baton.call.providers.sigv4 import AwsKey, Scope, signed
from baton.call.transport import Outgoing
from baton.types.errors import UpstreamFault

ASK_AGAIN_S = 60.0
"""botocore renews keys some minutes before they end, but only when it is asked."""
SIGNED_HEADERS = frozenset({"content-type", "accept"})
"""What a proxy on the way does not touch."""


class AwsSigner:
    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._session: Any = None
        self._key: AwsKey | None = None
        self._asked_at = 0.0
        self._renewing = asyncio.Lock()

    async def headers(self, outgoing: Outgoing) -> Mapping[str, str]:
        key = await self._current(outgoing)
        covered = {name: value for name, value in outgoing.headers.items() if name in SIGNED_HEADERS}
        now = datetime.now(UTC)
        return signed(outgoing.method, outgoing.url, covered, outgoing.body, key, self._scope, now)

    async def _current(self, outgoing: Outgoing) -> AwsKey:
        if (stated := key_in(os.environ)) is not None:
            return stated
        async with self._renewing:
            if self._key is None or time.monotonic() - self._asked_at > ASK_AGAIN_S:
                self._key = await asyncio.to_thread(self._by_chain, outgoing)
                self._asked_at = time.monotonic()
            return self._key

    def _by_chain(self, outgoing: Outgoing) -> AwsKey:
        try:
            from botocore.exceptions import BotoCoreError
            from botocore.session import Session
        except ImportError as error:
            raise _fault(
                outgoing,
                "finds no key of AWS: set AWS_BEARER_TOKEN_BEDROCK, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; "
                "profiles and roles need botocore: pip install 'batonpass[aws]'",
            ) from error
        try:
            self._session = self._session or Session()
            found = self._session.get_credentials()
            frozen = found.get_frozen_credentials() if found is not None else None
        except BotoCoreError as error:
            raise _fault(outgoing, f"cannot be asked without credentials of AWS ({error}): aws sso login") from error
        if frozen is None:
            raise _fault(outgoing, "finds no credentials of AWS: set AWS_PROFILE, or give the machine a role")
        return AwsKey(frozen.access_key, frozen.secret_key, frozen.token or "")


def key_in(env: Mapping[str, str]) -> AwsKey | None:
    """The key that the environment states; a named profile outweighs it, as it does for AWS's own tools."""
    access, secret = env.get("AWS_ACCESS_KEY_ID", ""), env.get("AWS_SECRET_ACCESS_KEY", "")
    if not access or not secret or env.get("AWS_PROFILE"):
        return None
    return AwsKey(access, secret, env.get("AWS_SESSION_TOKEN", ""))


def _fault(outgoing: Outgoing, text: str) -> UpstreamFault:
    return UpstreamFault(f"provider {outgoing.provider!r} {text}", model=outgoing.model, provider=outgoing.provider)
