# SPDX-License-Identifier: GPL-3.0-or-later
"""Carries dnspython to an edge where nothing may be installed, and leaves nothing there.

On the controller `pack` makes a zip of the part of dnspython that asking a nameserver needs, as base64 text for a
module's argument. On the edge `unpack` puts that zip on sys.path from memory (memfd_create(2), read by zipimport
through /proc/self/fd), or where a node has no such thing from a temporary file that has no name any more, or that is
removed when the module ends.
"""

from __future__ import annotations

import atexit
import base64
import binascii
import contextlib
import importlib.metadata
import importlib.util
import io
import os
import sys
import tempfile
import zipfile
from collections.abc import Iterator

from .finding import EdgepathError

# The last release that runs on Python 3.9 (its metadata, Requires-Python); the list of files below is that release's.
DNSPYTHON = "2.7.0"

# What `import dns.message` loads, and the record types that an answer to A, AAAA or NS holds; records of
# other types are read as opaque data (dns.rdata.GenericRdata).
_LOADED = """
__init__ _features _immutable_ctx edns entropy enum exception flags immutable inet ipv4 ipv6 message name opcode rcode
rdata rdataclass rdataset rdatatype rdtypes/__init__ rdtypes/nsbase rdtypes/ANY/__init__ rdtypes/ANY/CNAME
rdtypes/ANY/DNAME rdtypes/ANY/NS rdtypes/ANY/OPT rdtypes/ANY/SOA rdtypes/ANY/TSIG rdtypes/IN/__init__ rdtypes/IN/A
rdtypes/IN/AAAA renderer rrset serial set tokenizer tsig ttl version wire
"""
_FEATURES = ("dnssec", "doh", "doq", "idna", "trio", "wmi")
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip can hold: the same files make the same text


def pack() -> str:
    """The zip as base64 text; EdgepathError where the controller lacks dnspython or has another release of it."""
    cure = f"install it for the Python that runs Ansible: python -m pip install dnspython=={DNSPYTHON}"
    spec = importlib.util.find_spec("dns")
    if spec is None or not spec.submodule_search_locations:
        raise EdgepathError(f"dnspython is missing on the controller; {cure}")
    try:
        version = importlib.metadata.version("dnspython")
    except importlib.metadata.PackageNotFoundError:
        version = "of an unknown release"
    if version != DNSPYTHON:
        raise EdgepathError(f"dnspython {version} on the controller cannot travel to the edges; {cure}")
    target = io.BytesIO()
    try:
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            for name, data in _contents(spec.submodule_search_locations[0]):
                archive.writestr(zipfile.ZipInfo(name, _EPOCH), data, zipfile.ZIP_DEFLATED, 9)
    except OSError as error:
        raise EdgepathError(f"cannot read dnspython on the controller: {error}; {cure}") from None
    return base64.b64encode(target.getvalue()).decode("ascii")


def _contents(package: str) -> Iterator[tuple[str, bytes]]:
    for name in _LOADED.split():
        with open(os.path.join(package, f"{name}.py"), "rb") as stream:
            yield f"dns/{name}.py", stream.read()
    for file in importlib.metadata.files("dnspython") or ():
        if file.name == "LICENSE":
            yield "dns/LICENSE", file.read_binary()


def unpack(text: str) -> str:
    """Make `import dns` work from the packed text, before any other dnspython of the node; the path that was added.

    EdgepathError where the text is damaged, or the node can hold it neither in memory nor in a temporary file.
    """
    try:
        data = base64.b64decode(text, validate=True)
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            damaged = archive.testzip()
    except (binascii.Error, ValueError, zipfile.BadZipFile) as error:
        raise EdgepathError(f"dnspython did not arrive whole on the edge: {error}; run the audit again") from None
    if damaged is not None:
        raise EdgepathError(f"dnspython did not arrive whole on the edge: {damaged} is damaged; run the audit again")
    try:
        path = _place(data)
    except OSError as error:
        raise EdgepathError(f"the edge can hold dnspython neither in memory nor in a file: {error}") from None
    sys.path.insert(0, path)
    _without_extras()
    return path


def _place(data: bytes) -> str:
    """A path under which the data can be read for as long as this process lives."""
    if os.path.isdir("/proc/self/fd"):
        for opener in (_memory, _nameless):
            handle = opener()
            if handle is None:
                continue
            with os.fdopen(os.dup(handle), "wb") as stream:
                stream.write(data)
            return f"/proc/self/fd/{handle}"
    handle, path = tempfile.mkstemp(prefix="edgepath-", suffix=".zip")
    atexit.register(_remove, path)
    with os.fdopen(handle, "wb") as stream:
        stream.write(data)
    return path


def _memory() -> int | None:
    create = getattr(os, "memfd_create", None)
    if create is None:
        return None
    try:
        return int(create("edgepath-dnspython"))
    except OSError:  # an old kernel, or a sandbox that forbids it: the next way is tried
        return None


def _nameless() -> int | None:
    try:
        handle, path = tempfile.mkstemp(prefix="edgepath-")
    except OSError:  # no directory can be written: the caller's last way reports it
        return None
    os.unlink(path)
    return handle


def _remove(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


def _without_extras() -> None:
    """Keep dnspython from loading what the zip leaves out, should the node have the libraries for it."""
    import dns._features

    for feature in _FEATURES:
        dns._features.force(feature, False)
