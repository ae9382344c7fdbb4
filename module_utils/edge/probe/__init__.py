# SPDX-License-Identifier: GPL-3.0-or-later
"""The probe: the export path walked for real, from the edge, within limits that are told beforehand."""
