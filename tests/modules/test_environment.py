# SPDX-License-Identifier: GPL-3.0-or-later
"""bin/environment: what stands in its way is one sentence with its cure, and the next try works."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "bin/environment"
WANTED = "edgepath-is-in-no-index==1.0 --hash=sha256:" + "0" * 64 + "\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A directory with locks that pin nothing."""
    for layer in ("", "-lab"):
        (tmp_path / f"requirements{layer}.lock").write_text("# nothing\n")
    return tmp_path


@pytest.fixture
def silent_index() -> Iterator[str]:
    """An index that takes connections and never answers."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/simple"


def command(project: Path, layer: str, python: str, directory: str) -> list[str]:
    return ["sh", str(SCRIPT), str(project / directory), python, layer]


def make(project: Path, layer: str = "runtime", python: str = sys.executable, directory: str = "venv", **more: str):
    environment = {**os.environ, "PIP_RETRIES": "1", "LC_ALL": "C", **more}
    return subprocess.run(
        command(project, layer, python, directory),
        cwd=project, env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def stub(project: Path, body: str) -> str:
    """A python that answers as told, and else as the real one."""
    path = project / "python"
    path.write_text(f'#!/bin/sh\n{body}\nexec {sys.executable} "$@"\n')
    path.chmod(0o755)
    return str(path)


STUBS = {
    "old": ('case "$2" in *print*) echo 3.9; exit 0 ;; *version_info*) exit 1 ;; esac',
            "Python 3.11 or later is needed, and {python} is 3.9; name another: make PYTHON=python3.11"),
    "without venv": ('case "$2" in *ensurepip*) exit 1 ;; esac',
                     "{python} cannot make environments; install what does: apt-get install python3-venv"),
    "no room": ('if [ "$2" = venv ]; then echo "OSError: [Errno 28] No space left on device" >&2; exit 1; fi',
                "no room on the disk for {project}/venv; make some"),
    "none": ("exit 127", "there is no {python} that runs; install Debian's python3"),
}  # fmt: skip


@pytest.mark.parametrize("name", STUBS)
def test_a_python_that_cannot(project: Path, name: str) -> None:
    body, sentence = STUBS[name]
    python = stub(project, body)
    done = make(project, python=python)
    assert done.returncode == 1
    assert f"edgepath: {sentence.format(python=python, project=project)}" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (project / "venv/.runtime").exists()


def test_a_place_that_cannot_be_written(project: Path) -> None:
    (project / "file").write_text("")
    done = make(project, directory="file/venv")
    assert done.returncode == 1
    assert "cannot be written; clone the project to where you may write" in done.stderr


def test_a_directory_of_other_things_is_left_alone(project: Path) -> None:
    (project / "home").mkdir()
    (project / "home/letters.txt").write_text("dear")
    done = make(project, directory="home")
    assert done.returncode == 1
    assert "holds other things than an environment" in done.stderr
    assert (project / "home/letters.txt").read_text() == "dear"


def test_layers_and_no_index_and_a_layer_that_was_interrupted(project: Path, silent_index: str) -> None:
    done = make(project)
    assert (done.returncode, done.stderr) == (0, "")
    assert (project / "venv/.runtime").exists()
    # No index: one sentence, and the layer is not taken for made.
    (project / "requirements-lab.lock").write_text(WANTED)
    done = make(project, "lab", PIP_INDEX_URL="http://127.0.0.1:9/simple")
    assert done.returncode == 1
    assert "the package index cannot be reached" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (project / "venv/.lab").exists()
    # Killed while it installs.
    (project / "venv/.half").unlink()
    environment = {**os.environ, "PIP_INDEX_URL": silent_index}
    process = subprocess.Popen(
        command(project, "lab", sys.executable, "venv"),
        cwd=project, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    while not (project / "venv/.half").exists():
        assert process.poll() is None
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    # The next try makes everything anew.
    (project / "requirements-lab.lock").write_text("# nothing\n")
    (project / "venv/litter").write_text("")
    done = make(project, "lab")
    assert (done.returncode, done.stderr) == (0, "")
    assert "is not whole; it is made anew" in done.stdout
    assert not (project / "venv/litter").exists()
    assert [(project / "venv" / name).exists() for name in (".runtime", ".lab", ".half")] == [True, True, False]
