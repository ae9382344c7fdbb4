# SPDX-License-Identifier: GPL-3.0-or-later
"""The one place that decides what of a node's texts may be shown: what a vocabulary knows and calls harmless.

The key and its value are shown where the key is known and the value has the shape that the key takes. Of everything
else the shape stays: its key, its type, its length, its line. Standard library only: this runs on the edge. Time grows
linearly with the text: no expression here can go back over what it has read, and no text is read from its start twice.
"""
