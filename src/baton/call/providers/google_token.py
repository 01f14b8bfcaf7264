"""A token of Google Cloud, from wherever google-auth finds credentials, renewed before it ends."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from baton.call.transport import Outgoing
from baton.types.errors import UpstreamFault

SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
RENEW_BEFORE_S = 300.0


class GoogleToken:
    """Credentials are looked for at the first call; one renewal at a time, the others wait for it."""

    def __init__(self) -> None:
        self._credentials: Any = None
        self._renewing = asyncio.Lock()

    async def headers(self, outgoing: Outgoing) -> Mapping[str, str]:
        if not self._is_fresh():
            async with self._renewing:
                if not self._is_fresh():
                    await asyncio.to_thread(self._renew, outgoing)
        headers = {"authorization": f"Bearer {self._credentials.token}"}
        if quota := getattr(self._credentials, "quota_project_id", None):
            headers["x-goog-user-project"] = quota
        return headers

    def _is_fresh(self) -> bool:
        credentials = self._credentials
        if credentials is None or not credentials.token:
            return False
        if credentials.expiry is None:
            return True
        left = credentials.expiry.replace(tzinfo=UTC) - datetime.now(UTC)
        return bool(left.total_seconds() > RENEW_BEFORE_S)

    def _renew(self, outgoing: Outgoing) -> None:
        try:
            import google.auth
            from google.auth.exceptions import GoogleAuthError
            from google.auth.transport.requests import Request
        except ImportError as error:
            raise _fault(outgoing, "needs google-auth: pip install 'batonpass[gcp]'") from error
        try:
            if self._credentials is None:
                self._credentials, _project = google.auth.default(scopes=SCOPES)
            self._credentials.refresh(Request())
        except (GoogleAuthError, OSError) as error:
            text = (
                f"cannot be asked without credentials of Google Cloud ({error}): gcloud auth application-default login"
            )
            raise _fault(outgoing, text) from error


def _fault(outgoing: Outgoing, text: str) -> UpstreamFault:
    return UpstreamFault(f"provider {outgoing.provider!r} {text}", model=outgoing.model, provider=outgoing.provider)
