# SPDX-License-Identifier: GPL-3.0-or-later
"""The embedded lab: an AWS control plane, an object store, a name server and the trees of edges, all on loopback."""
