# SPDX-License-Identifier: GPL-3.0-or-later
"""The actions of the modules that run on the controller: run from the installed tree instead of a packed copy.

Ansible packs a module with all that it imports, sends it, and Python compiles that anew each time. Where the module is
to run with the very Python that runs Ansible, all of it is there already, compiled. Anywhere else (another
interpreter, another user, another host) it travels as every module does. For action plugins alone.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import ansible
from ansible import constants
from ansible.module_utils.common.json import Direction, get_module_encoder
from ansible.plugins.action import ActionBase

try:  # Ansible's own record of a module that is ready; not of its public interface
    from ansible.executor.module_common import _BuiltModule
except ImportError:
    _BuiltModule = None

_HOUSE = Path(__file__).resolve().parents[1]
_LIBRARY = _HOUSE.parent / "library"
_PROFILE = "legacy"  # what Ansible gives modules that name none of their own

# Arguments by standard input with the program, as with pipelining: a command line can be seen by every user.
_PROGRAM = """\
import sys
sys.path[:] = [{library!r}, *(path for path in sys.path if path), {ansible!r}]
import ansible.module_utils
from ansible.module_utils import basic
ansible.module_utils.__path__.append({house!r})
basic._ANSIBLE_ARGS = {arguments!r}
basic._ANSIBLE_PROFILE = {profile!r}
import {module} as module
module.main()
"""


class Here(ActionBase):  # type: ignore[misc]
    """An action that does nothing but run its module, here where that is possible."""

    _supports_check_mode = True
    _supports_async = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        if self._is_own():
            self._connection.set_become_plugin(None)
        in_background = bool(self._task.async_val) and not self._connection.has_native_async
        result.update(self._execute_module(task_vars=task_vars, wrap_async=in_background))
        if not in_background:
            self._remove_tmp_path(self._connection._shell.tmpdir)
        return result

    def _configure_module(self, module_name: str, module_args: dict[str, Any], task_vars: dict[str, Any]) -> Any:
        path = _LIBRARY / f"{module_name.rpartition('.')[2]}.py"
        if _BuiltModule is None or not path.exists() or not self._is_here(task_vars):
            return super()._configure_module(module_name, module_args, task_vars)
        encoder = get_module_encoder(_PROFILE, Direction.CONTROLLER_TO_MODULE)
        program = _PROGRAM.format(
            library=str(_LIBRARY),
            house=str(_HOUSE),
            ansible=str(Path(ansible.__file__).resolve().parents[1]),
            arguments=json.dumps({"ANSIBLE_MODULE_ARGS": module_args}, cls=encoder).encode(),
            profile=_PROFILE,
            module=path.stem,
        )
        built = _BuiltModule(
            b_module_data=program.encode(),
            module_style="new",
            shebang=f"#!{sys.executable}",
            serialization_profile=_PROFILE,
        )
        return built, str(path)

    def _is_here(self, task_vars: dict[str, Any]) -> bool:
        """Whether the module is to run as this user, with this Python, and to its end."""
        if self._connection.transport != "local" or self._connection.become is not None or self._task.async_val:
            return False
        if self._is_own():
            return True
        given = task_vars
        if self._task.delegate_to:
            given = task_vars["ansible_delegated_vars"][self._task.delegate_to]
        return bool(self._templar.template(given.get("ansible_python_interpreter")) == sys.executable)

    def _is_own(self) -> bool:
        """Whether the step itself says that it is the controller's.

        Ansible lets `-e ansible_python_interpreter=...` and `-e ansible_become=true` win over that, by which the edges
        are meant.
        """
        if self._connection.transport != "local" or self._task.delegate_to not in constants.LOCALHOST:
            return False
        said = self._task.get_vars().get("ansible_python_interpreter")
        return bool(said and self._templar.template(said) == sys.executable)
