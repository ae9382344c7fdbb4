# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts of the lab: containers that run systemd, sshd and proxies as a node does; ``python -m lab.hosts --help``."""
