# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading AWS: one account handle per identity and region, explicit limits, and errors as facts of their own.

Every read returns the answer, None (absent), or an Unread (denied, throttled, unreachable, error). Absent is what the
operation's own error says (aws_answers); what is no answer of the service is an error. A list whose pages broke off in
the middle is Unread as a whole: half an answer would pass for all of it.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

from .aws_answers import NotAnAnswer, absent, unfinished
from .aws_patience import Patience
from .aws_permissions import permission_of as permission_of
from .aws_wire import advancing, asks_aws, waiting, watched, whole
from .finding import EdgepathError, Unread
from .run import Run
from .targets import Edge

try:
    import boto3
    import botocore.config
    import botocore.exceptions
    import botocore.parsers

    BOTO3_ERROR: str | None = None
except ImportError as _error:  # reported by require_boto3 where it is needed
    BOTO3_ERROR = str(_error)

# Seconds and attempts. A control-plane call that takes longer than 30 s has failed; the standard retry mode backs off
# up to 20 s between attempts (botocore, "Retries"). The pool holds the reader threads of one list of reads.
CONNECT_TIMEOUT = 5
READ_TIMEOUT = 30
MAX_ATTEMPTS = 8
READER_THREADS = 8
# A step does not begin with credentials that may not last for it.
AHEAD = timedelta(minutes=20)
# So many values one filter of a Describe operation takes (Amazon EC2 User Guide, "Filter your resources").
FILTER_VALUES = 200
# After so many reads in a row that waited in vain through all of their attempts, a service is not asked again: where a
# network drops packets, an audit would else last for hours.
MOST_SILENCES = 3

_DENIED = {
    "AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthFailure", "Forbidden", "403",
    "UnauthorizedAccess", "NotAuthorized", "KMSAccessDeniedException", "AllAccessDisabled",
}  # fmt: skip
_CREDENTIALS = {
    "ExpiredToken", "ExpiredTokenException", "RequestExpired", "InvalidClientTokenId", "UnrecognizedClientException",
    "InvalidAccessKeyId", "SignatureDoesNotMatch", "TokenRefreshRequired", "InvalidToken", "OptInRequired",
}  # fmt: skip
_THROTTLED = {
    "Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled", "RequestThrottledException",
    "RequestLimitExceeded", "TooManyRequestsException", "SlowDown", "BandwidthLimitExceeded", "EC2ThrottledException",
    "PriorRequestNotComplete", "TransactionInProgressException", "LimitExceededException",
}  # fmt: skip

_MESSAGE_LIMIT = 400


def require_boto3() -> None:
    """Raise EdgepathError where boto3 is missing."""
    if BOTO3_ERROR is not None:
        raise EdgepathError(
            f"boto3 is missing on the controller ({BOTO3_ERROR}); install it for the Python that runs Ansible: "
            "python -m pip install -r requirements.lock"
        )


@dataclass(frozen=True)
class AccountKey:
    """Who reads, and where: edges that share it share one sweep."""

    profile: str | None
    role_arn: str | None
    endpoint_url: str | None
    region: str


def account_key(edge: Edge) -> AccountKey:
    """The key of the account that an edge is read through."""
    endpoint = edge.aws_endpoint_url
    return AccountKey(edge.aws_profile, edge.audit_role_arn, endpoint, edge.region or "us-east-1")


def by_account(edges: Iterable[Edge]) -> dict[AccountKey, list[Edge]]:
    """The edges grouped by the account handle that reads for them, in order."""
    groups: dict[AccountKey, list[Edge]] = {}
    for edge in edges:
        groups.setdefault(account_key(edge), []).append(edge)
    return groups


@dataclass
class Opened:
    """The session of one AccountKey and its clients; shared by all handles of a process, so that it is opened once.

    credentials: of the assumed role, as client() takes them; a session of its own would read botocore's data anew.
    """

    session: Any = None
    identity: Any = None
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)
    expires: datetime | None = None
    clients: dict[tuple[str, str | None], Any] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)


def in_batches(values: Iterable[str]) -> list[list[str]]:
    """The values, each once and in order, as many at a time as a filter takes."""
    listed = sorted(set(values))
    return [listed[start : start + FILTER_VALUES] for start in range(0, len(listed), FILTER_VALUES)]


def account_of(run: Run, key: AccountKey) -> Account:
    """A handle whose session the other steps of this process use as well; it counts its own calls."""
    opened = run.shared.get(key)
    if opened is None or (opened.expires is not None and opened.expires < datetime.now(timezone.utc) + AHEAD):
        opened = run.shared[key] = Opened()
    return Account(key, opened=opened, patience=run.of_step.setdefault(Patience, Patience()))


class Account:
    """Reads one account and region under one identity. Thread-safe; counts its calls."""

    # As AWS' own logs name what was done with an assumed role.
    session_name = "edgepath-audit"

    def __init__(
        self,
        key: AccountKey,
        session: Any | None = None,
        opened: Opened | None = None,
        patience: Patience | None = None,
    ) -> None:
        require_boto3()
        self.key = key
        self.calls: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._opened = opened or Opened(session)
        self._failed: Unread | None = None
        self._patience = patience or Patience()
        self._silences: Counter[tuple[str, str | None]] = Counter()

    def read(
        self,
        service: str,
        operation: str,
        result_key: str | None = None,
        *,
        resource: str = "",
        endpoint_url: str | None = None,
        **parameters: Any,
    ) -> Any:
        """One read. With result_key all pages are walked and the items under it are returned as one list.

        Returns the answer, None where the thing does not exist, or Unread.
        """
        permission = permission_of(service, operation)
        asked, what = (service, endpoint_url), (service, endpoint_url, operation)
        unasked = self._patience.spent(what)
        if unasked is None and self._silences[asked] >= MOST_SILENCES:
            unasked = f"{service} left {MOST_SILENCES} reads without an answer, and was not asked again"
        if unasked is not None:
            return self._unread("unreachable", permission, resource, unasked)
        begun = self._patience.clock()
        with waiting(self._patience, what):
            answer, error = self._outcome(what, permission, result_key, resource, parameters)
        self._weigh(answer, error, what, begun)
        return answer

    def _outcome(
        self,
        what: tuple[str, str | None, str],
        permission: str,
        result_key: str | None,
        resource: str,
        parameters: Mapping[str, Any],
    ) -> tuple[Any, Exception | None]:
        """What is known of it now, and the error that this came of."""
        service, endpoint_url, operation = what
        on_aws = True
        try:
            client = self._client(service, endpoint_url)
            if self._failed is not None:
                return self._failed, None
            on_aws = asks_aws(client)
            return self._answer(client, operation, permission, result_key, parameters), None
        except botocore.exceptions.ClientError as error:
            return self._client_error(error, permission, resource, parameters, on_aws), error
        except _FAILED as error:
            return self._failure(error, permission, resource, what), error

    def _failure(self, error: Exception, permission: str, resource: str, what: Any = None) -> Unread:
        """An Unread for whatever stands in the place of an answer."""
        if isinstance(error, NotAnAnswer):
            return self._unread("error", permission, resource, f"the answer is not the service's: {error}")
        if isinstance(error, (KeyError, TypeError)):
            # botocore hands on what a truncated answer left: a key that the API guarantees is missing.
            return self._unread("error", permission, resource, f"the answer is incomplete ({error!r})")
        if isinstance(error, _UNREACHABLE):
            spent = self._patience.spent(what)
            return self._unread("unreachable", permission, resource, f"{spent}: {error}" if spent else str(error))
        if isinstance(error, _NO_CREDENTIALS):
            return self._unread("denied", permission, resource, f"no usable credentials: {error}")
        return self._unread("error", permission, resource, str(error))

    def _weigh(self, answer: Any, error: Exception | None, what: tuple[str, str | None, str], begun: float) -> None:
        """Keep count of who is silent, and how long."""
        with self._lock:
            if isinstance(error, _SILENT):
                self._silences[what[:2]] += 1
            elif not isinstance(error, _UNREACHABLE):
                self._silences[what[:2]] = 0
        if isinstance(error, _UNREACHABLE) or _status(error) >= 500:
            self._patience.in_vain(what, begun)
        elif isinstance(answer, Unread) and answer.state == "throttled":
            # It does answer: that holds up the operation, and is no silence of the step.
            self._patience.in_vain(what, begun, of_step=False)
        else:
            self._patience.answered(what)

    def read_all(self, calls: Sequence[Callable[[], Any]]) -> list[Any]:
        """The answers of several reads, made on a bounded number of threads, in the order given."""
        if len(calls) <= 1:
            return [call() for call in calls]
        with ThreadPoolExecutor(max_workers=min(READER_THREADS, len(calls))) as pool:
            return list(pool.map(lambda call: call(), calls))

    def identity(self) -> Any:
        """sts:GetCallerIdentity: ``{"Account", "Arn", "UserId"}``, or Unread. Asked once a session."""
        if self._opened.identity is None:
            answer = self.read("sts", "get_caller_identity", resource="caller")
            if not isinstance(answer, Mapping):
                return answer
            self._opened.identity = answer
        return self._opened.identity

    def _answer(
        self, client: Any, operation: str, permission: str, result_key: str | None, parameters: Mapping[str, Any]
    ) -> Any:
        if result_key is not None and client.can_paginate(operation):
            return self._pages(client, operation, permission, result_key, parameters)
        with self._lock:
            self.calls[permission] += 1
        answer = whole(client, operation, getattr(client, operation)(**parameters))
        return answer if result_key is None else answer[result_key]

    def _pages(
        self, client: Any, operation: str, permission: str, result_key: str, parameters: Mapping[str, Any]
    ) -> list[Any]:
        items: list[Any] = []
        page: Mapping[str, Any] = {}
        for page in advancing(client.get_paginator(operation).paginate(**parameters)):
            with self._lock:
                self.calls[permission] += 1
            items.extend(whole(client, operation, page)[result_key])
        if unfinished(page):
            raise NotAnAnswer("its last page says that more follow, and not where")
        return items

    def _client(self, service: str, endpoint_url: str | None) -> Any:
        endpoint = endpoint_url or self.key.endpoint_url
        opened = self._opened
        with opened.lock:
            if opened.session is None:
                self._open()
            if opened.session is not None and (service, endpoint) not in opened.clients:
                opened.clients[service, endpoint] = watched(
                    opened.session.client(
                        service,
                        region_name=self.key.region,
                        endpoint_url=endpoint,
                        config=client_config(endpoint),
                        **opened.credentials,
                    )
                )
            return opened.clients.get((service, endpoint))

    def _open(self) -> None:
        """Open the session; where the role cannot be assumed, there is none, and `_failed` says why."""
        if self._failed is not None:
            return
        base = boto3.session.Session(profile_name=self.key.profile, region_name=self.key.region)
        if self.key.role_arn is not None:
            answer = self._assume(base)
            if isinstance(answer, Unread):
                self._failed = answer
                return
            given = answer["Credentials"]
            self._opened.credentials = {
                "aws_access_key_id": given["AccessKeyId"],
                "aws_secret_access_key": given["SecretAccessKey"],
                "aws_session_token": given["SessionToken"],
            }
            self._opened.expires = given.get("Expiration")
        self._opened.session = base

    def _assume(self, base: Any) -> Any:
        """sts:AssumeRole of the audit's role, or Unread."""
        role, permission = self.key.role_arn or "", "sts:AssumeRole"
        where = self.key.endpoint_url
        sts = watched(base.client("sts", endpoint_url=where, config=client_config(where)))
        self.calls[permission] += 1
        try:
            return whole(sts, "assume_role", sts.assume_role(RoleArn=role, RoleSessionName=self.session_name))
        except botocore.exceptions.ClientError as error:
            # None would be a role that is not there, and end in reading under another identity.
            return self._client_error(error, permission, role) or self._unread("error", permission, role, str(error))
        except _FAILED as error:
            return self._failure(error, permission, role)

    def _client_error(
        self,
        error: Any,
        permission: str,
        resource: str,
        parameters: Mapping[str, Any] | None = None,
        on_aws: bool = True,
    ) -> Unread | None:
        code = str(error.response.get("Error", {}).get("Code", ""))
        text = str(error.response.get("Error", {}).get("Message", "")) or str(error)
        if absent(error.operation_name, code, parameters or {}, on_aws):
            return None
        if code in _CREDENTIALS:
            return self._unread("denied", permission, resource, f"{code}: {text}; renew the audit's credentials")
        if code in _DENIED or code.endswith("AccessDenied"):
            return self._unread("denied", permission, resource, f"{code} (needs {permission})")
        if code.isdigit() and not error.operation_name.startswith("Head"):
            # The SDK made the code of the status; of a page in the place of an answer of S3, it makes a 500.
            text = "neither an answer nor an error of the service's own came back"
        state = "throttled" if code in _THROTTLED else "error"
        return self._unread(state, permission, resource, f"{code}: {text}" if code else text)

    def _unread(self, state: str, permission: str, resource: str, why: str) -> Unread:
        subject = resource or permission.split(":")[1]
        message = f"cannot read {subject}: {' '.join(why.split())[:_MESSAGE_LIMIT]}"
        return Unread(state, permission, subject, message, (permission,) if state == "denied" else ())


def client_config(endpoint_url: str | None) -> Any:
    """The one botocore configuration of every client. Path-style addressing where an endpoint is given by hand."""
    style = {"addressing_style": "path"} if endpoint_url else {}
    return botocore.config.Config(
        connect_timeout=CONNECT_TIMEOUT,
        read_timeout=READ_TIMEOUT,
        retries={"mode": "standard", "total_max_attempts": MAX_ATTEMPTS},
        max_pool_connections=READER_THREADS,
        user_agent_extra="edgepath",
        s3=style,
    )


def _status(error: Exception | None) -> int:
    """The HTTP status of an error of the service, 0 where there is none."""
    response = getattr(error, "response", None)
    return int(response.get("ResponseMetadata", {}).get("HTTPStatusCode") or 0) if isinstance(response, dict) else 0


if BOTO3_ERROR is None:
    _UNREACHABLE = (
        botocore.exceptions.EndpointConnectionError,
        botocore.exceptions.ConnectTimeoutError,
        botocore.exceptions.ReadTimeoutError,
        botocore.exceptions.ConnectionClosedError,
        botocore.exceptions.ProxyConnectionError,
        botocore.exceptions.SSLError,
    )
    _SILENT = (botocore.exceptions.ConnectTimeoutError, botocore.exceptions.ReadTimeoutError)
    _NO_CREDENTIALS = (
        botocore.exceptions.NoCredentialsError,
        botocore.exceptions.PartialCredentialsError,
        botocore.exceptions.CredentialRetrievalError,
        botocore.exceptions.ProfileNotFound,
        botocore.exceptions.TokenRetrievalError,
        botocore.exceptions.UnauthorizedSSOTokenError,
    )
    _FAILED = (
        KeyError,
        TypeError,
        ValueError,  # NotAnAnswer among them
        botocore.exceptions.BotoCoreError,
        botocore.parsers.ResponseParserError,
    )
