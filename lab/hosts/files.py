# SPDX-License-Identifier: GPL-3.0-or-later
"""What is put into a host before it starts: the trees below root/, values filled in, as one tar stream."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from string import Template

ROOT = Path(__file__).parent / "root"
_SECRET, _PROGRAM, _PLAIN = 0o600, 0o755, 0o644


@dataclass
class Files:
    """The content of a host by absolute path; links: {path: where it points}."""

    contents: dict[str, tuple[bytes, int]] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)

    def tree(self, name: str, values: Mapping[str, str]) -> None:
        """Everything below root/NAME, with `$$value` filled in."""
        for path in sorted((ROOT / name).rglob("*")):
            if path.is_file():
                text = Template(path.read_text(encoding="utf-8")).substitute(values)
                self.put("/" + str(path.relative_to(ROOT / name)), text)

    def put(self, path: str, content: str | bytes, secret: bool = False, program: bool = False) -> None:
        data = content.encode() if isinstance(content, str) else content
        self.contents[path] = (data, _SECRET if secret else _PROGRAM if program else _PLAIN)

    def enable(self, *units: str, target: str = "multi-user.target") -> None:
        """Start units of Debian's or of the lab at boot."""
        for unit in units:
            own = f"/etc/systemd/system/{unit}"
            where = own if own in self.contents else f"/lib/systemd/system/{unit}"
            self.links[f"/etc/systemd/system/{target}.wants/{unit}"] = where

    def tar(self) -> bytes:
        """With the directories that are private."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as stream:
            for name in _private(self.contents):
                entry = tarfile.TarInfo(name.lstrip("/"))
                entry.type, entry.mode = tarfile.DIRTYPE, 0o700
                stream.addfile(entry)
            for path, (data, mode) in self.contents.items():
                entry = tarfile.TarInfo(path.lstrip("/"))
                entry.size, entry.mode = len(data), mode
                stream.addfile(entry, io.BytesIO(data))
            for path, target in self.links.items():
                entry = tarfile.TarInfo(path.lstrip("/"))
                entry.type, entry.linkname = tarfile.SYMTYPE, target
                stream.addfile(entry)
        return buffer.getvalue()


def _private(paths: Iterable[str]) -> list[str]:
    """The .ssh directories among them: sshd takes keys of no others."""
    return sorted({str(Path(path).parent) for path in paths if Path(path).parent.name == ".ssh"})
