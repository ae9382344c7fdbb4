# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts the project's module_utils and library where Ansible will find them, under the names that they have there."""

from __future__ import annotations

import functools
import os
import sys
from pathlib import Path
from typing import Any

import ansible.module_utils
import botocore.loaders
import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parents[1]

# Where an environment forbids it, each of hundreds of processes compiles the project anew: a quarter of a play.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

ansible.module_utils.__path__.append(str(ROOT / "module_utils"))
sys.path[:0] = [str(ROOT / "library"), str(ROOT)]

from tests.skips import (  # noqa: E402  pytest finds hooks by their names here
    pytest_make_collect_report as pytest_make_collect_report,
)
from tests.skips import (  # noqa: E402
    pytest_runtest_makereport as pytest_runtest_makereport,
)

# A busy machine draws examples slowly; that says nothing about the code.
settings.register_profile("edgepath", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("edgepath")

# Each of hundreds of sessions of boto3 would read the services' models anew: EC2's are 24 MB and 0.13 s.
_read = botocore.loaders.JSONFileLoader.load_file
_read_once = functools.cache(functools.partial(_read, botocore.loaders.JSONFileLoader()))
botocore.loaders.JSONFileLoader.load_file = lambda self, file_path: _read_once(file_path)

# moto's images of machines: 100 MB that no test looks at. moto reads it when it is first asked for EC2.
os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"
# ansible-playbook looks a thousand times a second whether a task has ended; where many run on few cores, fifty do.
os.environ.setdefault("ANSIBLE_INTERNAL_POLL_INTERVAL", "0.02")


def pytest_configure(config: pytest.Config) -> None:
    from tests.failures import Short

    # A worker sends its reports as they are; they are shortened where they are shown.
    if not hasattr(config, "workerinput") and config.get_verbosity() < 0:
        config.pluginmanager.register(Short(config.rootpath / ".pytest_cache/failed"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    from tests.scheduling import longest_first

    items.sort(key=lambda item: longest_first(item.nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """pytest-xdist 3.8 writes a test's group where pytest 9.2 does not look for it, and no group keeps together."""
    if config.getvalue("dist") != "loadgroup":
        return None
    from tests.scheduling import GroupedFiles

    config.option.loadscopereorder = False  # it would put first what has most tests
    return GroupedFiles(config, log)
