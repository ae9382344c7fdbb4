# SPDX-License-Identifier: GPL-3.0-or-later
"""edgepath: the export path between an edge node and its recordings, judged."""
