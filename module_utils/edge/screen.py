# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a plugin may print for people. For plugins alone: a module has no terminal."""

from __future__ import annotations

from ansible import constants
from ansible.plugins.callback.default import CallbackModule as Default
from ansible.plugins.loader import callback_loader

# Ansible's own that print lines for people and are made from nothing; the others are made from the default one.
_LINES = ("ansible.builtin.minimal", "ansible.builtin.oneline")


def is_document() -> bool:
    """Whether standard output belongs to the callback that was chosen for it: JSON, nothing at all, or not known here.

    What is printed for people then goes to standard error, as warnings do.
    """
    chosen = callback_loader.get(constants.DEFAULT_STDOUT_CALLBACK, class_only=True)
    return chosen is None or not (issubclass(chosen, Default) or chosen.ansible_name in _LINES)
