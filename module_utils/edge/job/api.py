# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads jobs from the Genesys Cloud Platform API with the vendor's own SDK, which is an optional dependency.

The SDK waits for ever and retries as urllib3 does by default; here every request is bounded in time and in tries.
"""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from ..finding import EdgepathError
from .document import job_from, recording_from
from .model import FailedRecording, Job

SDK = "PureCloudPlatformClientV2"
CURE = f"install it for the Python that runs Ansible: python -m pip install {SDK}"
CONNECT_SECONDS, READ_SECONDS = 10.0, 30.0
TRIES = 4
LONGEST_WAIT_SECONDS = 30.0  # what a Retry-After may make a run wait
PAGE_SIZE = 100  # the most that the platform gives at once
MAX_PAGES = 20
_RETRIED = (429, 500, 502, 503, 504)
_REGION = re.compile(r"[a-z]{2,5}(-[a-z]+)+-\d")


@dataclass(frozen=True)
class Access:
    """host: `api.euw2.pure.cloud`, a URL, or the name of the region (`eu-west-2`)."""

    host: str
    client_id: str
    client_secret: str


class JobsApi:
    """The jobs of one organisation. Raises EdgepathError: the SDK is missing, the host is wrong, access is denied."""

    def __init__(self, access: Access) -> None:
        sdk = _sdk()
        self._refused: type[Exception] = importlib.import_module(f"{SDK}.rest").ApiException
        self._errors = (self._refused, *_transport_errors())
        self.host = host_url(sdk, access.host)
        # A user's own ~/.genesyscloudpython/config must not lead elsewhere, nor log headers.
        sdk.Configuration().logger.log_level = importlib.import_module(f"{SDK}.logger").LogLevel.LNone
        self._client = sdk.api_client.ApiClient(host=self.host)
        self._client.gateway_configuration = None
        _bound(self._client.get_http_client().rest_client.pool_manager)
        self._ask(
            "POST /oauth/token", self._client.get_client_credentials_token, access.client_id, access.client_secret
        )
        self._recording = sdk.RecordingApi(self._client)

    def jobs(self, state: str | None = None) -> list[Job]:
        """All jobs, the newest first as the platform lists them."""
        filters = {"state": state} if state else {}
        what = "GET /api/v2/recording/jobs"
        return [self._job(item, what) for item in self._pages(what, self._recording.get_recording_jobs, **filters)]

    def job(self, identifier: str) -> Job:
        what = f"GET /api/v2/recording/jobs/{identifier}"
        return self._job(self._ask(what, self._recording.get_recording_job, identifier), what)

    def with_recordings(self, job: Job) -> Job:
        """The job with its failed recordings, which the platform names without times or reasons."""
        if job.id is None:
            return job
        what = f"GET /api/v2/recording/jobs/{job.id}/failedrecordings"
        pages = self._pages(what, self._recording.get_recording_job_failedrecordings, job.id)
        return replace(job, recordings=tuple(self._failed(item, what) for item in pages))

    def _job(self, model: Any, what: str) -> Job:
        plain = self._plain(model)
        if not isinstance(plain, dict):
            raise self._not_the_platforms(what, plain)
        return job_from(plain, f"{what}: ")

    def _failed(self, model: Any, what: str) -> FailedRecording:
        return recording_from(self._plain(model), what)

    def _plain(self, model: Any) -> Any:
        """A model of the SDK as the JSON that it came from; absent values are left out."""
        return json.loads(json.dumps(self._client.sanitize_for_serialization(model)))

    def _pages(self, what: str, call: Any, *arguments: Any, **filters: Any) -> Iterator[Any]:
        for number in range(1, MAX_PAGES + 1):
            page = self._ask(what, call, *arguments, page_size=PAGE_SIZE, page_number=number, **filters)
            entities = getattr(page, "entities", None)
            if entities is None:
                raise self._not_the_platforms(what, page)
            yield from entities
            if len(entities) < PAGE_SIZE:
                return

    def _ask(self, what: str, call: Any, *arguments: Any, **options: Any) -> Any:
        try:
            return call(*arguments, **options)
        except self._refused as error:
            raise EdgepathError(f"{self.host}: {what}: {_refusal(error)}") from None
        except self._errors as error:
            raise EdgepathError(
                f"{self.host}: {what}: no answer ({type(error).__name__}); check the host and the way to it"
            ) from None
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise self._not_the_platforms(what, error) from None

    def _not_the_platforms(self, what: str, answer: Any) -> EdgepathError:
        """The SDK makes an empty object of what is no JSON: a login page of a proxy would be no jobs at all."""
        kind = type(answer).__name__
        return EdgepathError(
            f"{self.host}: {what}: the answer is not the platform's ({kind}); check the host and proxies"
        )


def _refusal(error: Any) -> str:
    status = getattr(error, "status", None)
    said = str(getattr(error, "reason", "") or "").splitlines()[:1]
    words = f"{status} {said[0] if said else ''}".strip()
    if status in (400, 401):
        return f"{words}; check client_id and client_secret, and that the host is of the organisation's region"
    if status == 403:
        return f"{words}; the OAuth client's role needs recording:job:view"
    if status == 404:
        return f"{words}; there is no such job, or its organisation has another host"
    if status in _RETRIED:
        return f"{words} after {TRIES} tries; try again later"
    return words


def _sdk() -> Any:
    try:
        return importlib.import_module(SDK)
    except ImportError as error:
        missing = error.name or str(error)
        raise EdgepathError(f"the Genesys Cloud SDK cannot be used ({missing} is missing); {CURE}") from None


def host_url(sdk: Any, host: str) -> str:
    """The base URL: of a region's name, of a host name (with or without `api.`), or a URL as it is."""
    given = host.strip().rstrip("/")
    if "://" in given:
        parts = urlsplit(given)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.path:
            raise EdgepathError(f"host {host!r} is not the URL of a host, such as https://api.euw2.pure.cloud")
        if parts.scheme == "http" and parts.hostname not in ("localhost", "127.0.0.1", "::1"):
            raise EdgepathError(f"host {host!r}: credentials are not sent without TLS; use https://")
        return given
    if _REGION.fullmatch(given):
        known = {item.name.replace("_", "-"): item.get_api_host() for item in sdk.PureCloudRegionHosts}
        if given not in known:
            raise EdgepathError(f"host {host!r} is not a region of Genesys Cloud; known are {', '.join(sorted(known))}")
        return str(known[given])
    if not re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", given.lower()):
        raise EdgepathError(
            f"host {host!r} is neither a host name nor a region, such as api.euw2.pure.cloud or eu-west-2"
        )
    return f"https://{given if given.startswith('api.') else f'api.{given}'}"


def _transport_errors() -> tuple[type[Exception], ...]:
    return (importlib.import_module("urllib3").exceptions.HTTPError, OSError)


def _bound(pools: Any) -> None:
    """Bound every request of a urllib3 PoolManager."""
    urllib3 = importlib.import_module("urllib3")

    class Bounded(urllib3.util.Retry):  # type: ignore[misc,name-defined]
        def parse_retry_after(self, retry_after: str) -> float:
            return min(float(super().parse_retry_after(retry_after)), LONGEST_WAIT_SECONDS)

    retries = Bounded(
        total=TRIES - 1,
        backoff_factor=0.5,
        status_forcelist=_RETRIED,
        allowed_methods=None,  # reads, and the request of a token: all may be repeated
        raise_on_status=False,
    )
    timeout = urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS)
    pools.connection_pool_kw.update(retries=retries, timeout=timeout)
