# SPDX-License-Identifier: GPL-3.0-or-later
"""The formats by name, with the file that each leaves in the directory of the run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from . import as_csv, as_junit, as_ocsf, as_prometheus, as_sarif
from .model import Report

FILES: Mapping[str, str] = {
    "html": "report.html",
    "junit": "report.junit.xml",
    "sarif": "report.sarif",
    "ocsf": "findings.ocsf.json",
    "prometheus": "metrics.prom",
    "csv": "findings.csv",
}
# HTML is made of further files (as_html.Parts) and is not among these.
WRITERS: Mapping[str, Callable[[Report], Iterator[str]]] = {
    "junit": as_junit.write,
    "sarif": as_sarif.write,
    "ocsf": as_ocsf.write,
    "prometheus": as_prometheus.write,
    "csv": as_csv.write,
}
