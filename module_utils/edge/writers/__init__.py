# SPDX-License-Identifier: GPL-3.0-or-later
"""Formats that are made of report.json. Each writer takes the parsed report and yields the file in pieces."""
