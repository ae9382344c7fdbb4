# SPDX-License-Identifier: GPL-3.0-or-later
"""The edge's own credentials: given, of the environment, of the shared file below edge.root, or of the instance.

Never returned in facts, never printed; only where they came from is told. Standard library only.
"""

from __future__ import annotations

import configparser
import http.client
import json
import posixpath
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from ..finding import Unread
from .sigv4 import Credentials

METADATA = "http://169.254.169.254"
_METADATA_SECONDS = 2.0
_LARGEST = 65536
_TOKEN_PATH = "/latest/api/token"
_ROLE_PATH = "/latest/meta-data/iam/security-credentials/"


def find(options: Mapping[str, Any], root: str, environment: Mapping[str, str]) -> Credentials | Unread:
    """The first that is there: the module's options, the environment, the shared file, the metadata service.

    options: access_key_id, secret_access_key, session_token, profile, credentials_file, metadata_url.
    A source that is there but cannot be read ends the search: what came after it would be another identity.
    """
    for source in (_given(options), _environment(environment)):
        if source is not None:
            return source
    shared = _shared_file(options, root, environment)
    if shared is not None:
        return shared
    if root == "/" and environment.get("AWS_EC2_METADATA_DISABLED", "").lower() != "true":
        return _instance(options.get("metadata_url") or METADATA)
    message = (
        "no credentials: not in the options, the environment or the shared file; the metadata service is not asked"
    )
    return Unread("not_collected", "read", "credentials", message)


def _given(options: Mapping[str, Any]) -> Credentials | None:
    if not options.get("access_key_id") or not options.get("secret_access_key"):
        return None
    return Credentials(
        options["access_key_id"], options["secret_access_key"], options.get("session_token"), "the module's options"
    )


def _environment(environment: Mapping[str, str]) -> Credentials | None:
    key, secret = environment.get("AWS_ACCESS_KEY_ID"), environment.get("AWS_SECRET_ACCESS_KEY")
    if not key or not secret:
        return None
    return Credentials(key, secret, environment.get("AWS_SESSION_TOKEN"), "the environment")


def _shared_file(options: Mapping[str, Any], root: str, environment: Mapping[str, str]) -> Credentials | Unread | None:
    named = options.get("credentials_file") or environment.get("AWS_SHARED_CREDENTIALS_FILE")
    path = named or posixpath.join(environment.get("HOME", "/root"), ".aws/credentials")
    profile = options.get("profile") or environment.get("AWS_PROFILE") or "default"
    full = posixpath.join(root, path.lstrip("/"))
    parser = configparser.RawConfigParser()
    try:
        with open(full, encoding="utf-8") as stream:
            parser.read_string(stream.read(_LARGEST))
    except FileNotFoundError:
        if not options.get("credentials_file"):
            return None
        return Unread("error", "read", path, f"{path}: the credentials file that was named does not exist")
    except PermissionError:
        return Unread("denied", "read", path, f"{path}: permission denied", (f"read {path}",))
    except (OSError, UnicodeDecodeError, configparser.Error) as error:
        # The text of a parser's error quotes lines of the file: its kind must do.
        return Unread("error", "read", path, f"{path}: cannot be read as a credentials file ({type(error).__name__})")
    values = dict(parser[profile]) if parser.has_section(profile) else {}
    if not values.get("aws_access_key_id") or not values.get("aws_secret_access_key"):
        return None
    source = f"profile {profile} of {path}"
    return Credentials(
        values["aws_access_key_id"], values["aws_secret_access_key"], values.get("aws_session_token"), source
    )


def _instance(url: str) -> Credentials | Unread:
    """IMDSv2: a token, the role's name, its credentials (Amazon EC2 User Guide, Retrieve security credentials)."""
    asked = "PUT " + _TOKEN_PATH
    try:
        token = _ask(url, "PUT", _TOKEN_PATH, {"X-aws-ec2-metadata-token-ttl-seconds": "60"})
        header = {"X-aws-ec2-metadata-token": token}
        asked = "GET " + _ROLE_PATH
        role = _ask(url, "GET", _ROLE_PATH, header).split("\n")[0].strip()
        data = json.loads(_ask(url, "GET", _ROLE_PATH + role, header))
        return Credentials(
            data["AccessKeyId"], data["SecretAccessKey"], data["Token"], f"role {role}", data.get("Expiration")
        )
    except (OSError, http.client.HTTPException) as error:
        message = f"no credentials in options, environment or shared file, and the metadata service fails: {asked}: "
        return Unread("unreachable", asked, url, message + (str(error) or type(error).__name__))
    except (ValueError, KeyError, TypeError) as error:
        message = f"the metadata service answers something else than credentials ({type(error).__name__})"
        return Unread("error", asked, url, message)


def _ask(url: str, method: str, path: str, headers: Mapping[str, str]) -> str:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=_METADATA_SECONDS)
    try:
        connection.request(method, path, headers=dict(headers))
        answer = connection.getresponse()
        body = answer.read(_LARGEST).decode("utf-8", errors="replace")
        if answer.status != 200:
            raise http.client.HTTPException(f"status {answer.status}")
        return body
    finally:
        connection.close()
