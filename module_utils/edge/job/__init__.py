# SPDX-License-Identifier: GPL-3.0-or-later
"""Export jobs as the platform tells them: state, windows, durations, failed recordings, and the class of a failure."""
