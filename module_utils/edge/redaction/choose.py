# SPDX-License-Identifier: GPL-3.0-or-later
"""Which redactor reads which text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Callable

from .lines import redact_environment_file, redact_generic, redact_ini, redact_properties, redact_sysctl, redact_unit
from .nginx_text import redact_nginx
from .prose import redact_prose
from .proxy_lines import redact_haproxy, redact_squid
from .resolver_text import redact_filter, redact_resolver, redact_sockets
from .settings_words import ENVOY, Vocabulary
from .toml_text import redact_toml
from .tree import Place
from .yaml_text import redact_yaml

_ENDINGS = {
    ".yaml": "yaml", ".yml": "yaml", ".json": "yaml", ".ini": "ini", ".cfg": "ini", ".conf": "ini",
    ".properties": "properties", ".toml": "toml",
}  # fmt: skip
_PROGRAMS: dict[str, Callable[[str], str]] = {
    "squid": redact_squid,
    "nginx": redact_nginx,
    "haproxy": redact_haproxy,
    "unit": redact_unit,
    "environment": redact_environment_file,
    "sysctl": redact_sysctl,
    "resolver": redact_resolver,
    "filter": redact_filter,
    "sockets": redact_sockets,
    "prose": redact_prose,
}


# What redact() takes for a kind; "" is any text of which nothing is known.
KINDS = (*_PROGRAMS, "yaml", "envoy", "toml", "properties", "ini", "aws", "")


def format_of(path: str, given: str | None = None) -> str:
    """The format of a settings file, as edge_export_config_format or its ending tells it; "" where neither does."""
    if given:
        return "yaml" if given == "json" else given
    name = path.rsplit("/", 1)[-1].lower()
    return _ENDINGS.get(name[name.rfind(".") :], "") if "." in name else ""


def redact(text: str, kind: str, keys: Mapping[str, str] | None = None) -> str:
    """A text of a node as it may leave it. kind: a program, a format of settings files, or "" where it is unknown.

    keys: {path of a key: the setting that the inventory says it is}.
    """
    text = text.replace("\r", "")
    if kind in _PROGRAMS:
        return _PROGRAMS[kind](text)
    place = Place(Vocabulary(keys, ENVOY if kind == "envoy" else None))
    if kind in ("yaml", "json", "envoy"):
        return redact_yaml(text, place)
    if kind == "toml":
        return redact_toml(text, place)
    if kind == "properties":
        return redact_properties(text, place)
    if kind in ("ini", "aws"):
        return redact_ini(text, place, comments=kind == "ini")
    return redact_generic(text, place)
