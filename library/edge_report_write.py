#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes report.json in the formats that people, CI systems and dashboards read."""

from __future__ import annotations

DOCUMENTATION = r"""
module: edge_report_write
short_description: Write the report of a run as HTML, JUnit, SARIF, OCSF, Prometheus metrics and CSV
description:
  - Reads C(report.json), the canonical report, and writes what is asked for beside it. Nothing is judged here; every
    format holds the same findings, and an unknown answer passes in none of them.
  - C(report.html) is one file that loads nothing from anywhere. It shows the verdicts, the export path hop by hop, the
    bounds in time, and every finding with its evidence and cure.
  - C(report.junit.xml) has a suite an edge and a case a finding. C(report.sarif) is SARIF 2.1.0.
    C(findings.ocsf.json) holds OCSF Compliance Findings (class 2003). C(metrics.prom) is for the textfile collector of
    Prometheus' node exporter. C(findings.csv) is safe to open in a spreadsheet.
  - Each file is written whole or not at all, and is readable by its owner alone. Where one of them cannot be written,
    none takes the place of an older one.
  - Then, as the last thing, the run is said to be complete (C(state.json)), and C(latest) beside its directory leads to
    it, or C(latest-partial), where the run covers a part of the inventory and a fuller one is there. A run that was
    killed or failed before is not C(latest). With O(report) no run is ended.
  - Runs on the controller.
options:
  run_dir:
    description: The directory of the run, in which C(report.json) is. One of this and O(report) is needed.
    type: path
  report:
    description: The report, where it is not the one of a run's directory. The other files are written beside it.
    type: path
  formats:
    description: What to write.
    type: list
    elements: str
    choices: [html, junit, sarif, ocsf, prometheus, csv]
    default: [html, junit, sarif, ocsf, prometheus, csv]
  template_dir:
    description:
      - The directory with C(report.html.j2), C(report.css) and C(report.js), which the HTML report is made of.
      - Needed where O(formats) holds V(html). The role edge_report brings its own.
    type: path
  project_dir:
    description:
      - The directory of the playbooks. The HTML report shows the commands that plan, make and take back a change only
        where C(converge.yml) and C(rollback.yml) are there.
      - Without it only the audit's own command is shown.
    type: path
  inventory:
    description: The inventory of the run, as C(-i) has it, with which those commands are shown.
    type: list
    elements: str
    default: []
author:
  - edgepath maintainers
requirements:
  - jinja2
  - prometheus_client
notes:
  - The files are the record of the audit and are written in check mode too. Nothing else is.
"""

EXAMPLES = r"""
- name: Write the report in every format
  edge_report_write:
    run_dir: "{{ edge_run_dir }}"
    template_dir: "{{ role_path }}/templates"
    project_dir: "{{ playbook_dir }}/.."
  delegate_to: localhost
  run_once: true

- name: Write what the CI system shows
  edge_report_write:
    report: runs/latest/report.json
    formats: [junit, sarif]
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
files:
  description: The file of each format.
  returned: success
  type: dict
  sample:
    html: /srv/edgepath/runs/20261123T031500Z-5f0c1d/report.html
    junit: /srv/edgepath/runs/20261123T031500Z-5f0c1d/report.junit.xml
link:
  description: The link beside the runs that leads to this run now; null where none was made.
  returned: success
  type: str
  sample: latest
"""

import errno
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import nullcontext, suppress
from functools import partial

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible.module_utils.edge import ended
from ansible.module_utils.edge.finding import EdgepathError
from ansible.module_utils.edge.forks import beside
from ansible.module_utils.edge.run import read_json, sync_directory, uncollected
from ansible.module_utils.edge.writers.model import Report, parse

try:
    from ansible.module_utils.edge.writers import as_html
    from ansible.module_utils.edge.writers.formats import FILES, WRITERS

    MISSING = None
except ImportError as error:
    MISSING = error.name

FORMATS = ["html", "junit", "sarif", "ocsf", "prometheus", "csv"]
PLAYBOOKS = ("audit.yml", "converge.yml", "rollback.yml")
# From so many findings on, the formats of half the work are written in a second process. No more than one: each holds
# the whole report.
MANY_ROWS = 20000
ASIDE = ("html", "csv", "prometheus")


def staged(path: str, pieces: Iterable[str]) -> str:
    """Write what is to become a file beside it, and on to the disk; returns its name. Readable by the owner alone."""
    handle, temporary = tempfile.mkstemp(dir=os.path.dirname(path), prefix=".tmp-")
    try:
        # CSV brings its own line ends.
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as stream:
            for piece in pieces:
                stream.write(piece)
            stream.flush()
            os.fsync(stream.fileno())
    except BaseException:
        os.unlink(temporary)
        raise
    return temporary


def parts(template_dir: str) -> as_html.Parts:
    """The files that the HTML report is made of."""
    texts = []
    for name in ("report.html.j2", "report.css", "report.js"):
        path = os.path.join(template_dir, name)
        try:
            with open(path, encoding="utf-8") as stream:
                texts.append(stream.read())
        except (OSError, ValueError) as error:
            raise EdgepathError(f"cannot read {path}: {error}; template_dir must be the role's templates") from None
    return as_html.Parts(*texts)


def playbooks(project_dir: str | None) -> list[str]:
    """The playbooks whose commands the report may show."""
    if project_dir is None:
        return [PLAYBOOKS[0]]
    return [PLAYBOOKS[0]] + [name for name in PLAYBOOKS[1:] if os.path.exists(os.path.join(project_dir, name))]


def inventory(sources: list[str], project_dir: str | None) -> list[str]:
    """The inventory as it is typed in the directory of the playbooks."""
    home = os.path.realpath(project_dir) + os.sep if project_dir else None
    return [source[len(home) :] if home and source.startswith(home) else source for source in sources]


def pieces(kind: str, report: Report, params: dict[str, object]) -> Iterator[str]:
    if kind == "html":
        sources = inventory(params["inventory"], params["project_dir"])
        return as_html.write(report, parts(str(params["template_dir"])), playbooks(params["project_dir"]), sources)
    return WRITERS[kind](report)


def written(kind: str, report: Report, params: dict[str, object], directory: str) -> str:
    """Write one format beside its place; returns the file's name."""
    path = os.path.join(directory, FILES[kind])
    try:
        if os.path.isdir(path):  # found before any file has its name
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        return staged(path, pieces(kind, report, params))
    except OSError as error:
        raise EdgepathError(f"cannot write {path}: {error.strerror}") from None


def placed(temporary: Mapping[str, str], directory: str) -> dict[str, str]:
    """Give the written files their names, all or none as far as a disk allows; returns the file of each format."""
    files = {kind: os.path.join(directory, FILES[kind]) for kind in temporary}
    try:
        for kind, name in temporary.items():
            os.replace(name, files[kind])
        sync_directory(directory)
    except OSError as error:
        removed(temporary.values())
        raise EdgepathError(f"cannot write to {directory}: {error.strerror}") from None
    return files


def removed(names: Iterable[str]) -> None:
    """Without what was written for nothing."""
    for name in names:
        with suppress(OSError):
            os.unlink(name)


def write(params: dict[str, object]) -> dict[str, str]:
    """Write the formats that params ask for; returns the file of each."""
    source = params["report"] or os.path.join(str(params["run_dir"]), "report.json")
    report = parse(read_json(source), str(source))
    directory = os.path.dirname(os.path.abspath(str(source)))
    kinds = list(dict.fromkeys(params["formats"]))
    aside = [kind for kind in kinds if kind in ASIDE] if len(report.rows) >= MANY_ROWS else []
    job = partial(all_written, aside, report, params, directory)
    with beside(job, f"writing {', '.join(aside)}") if aside else nullcontext(dict) as others:
        try:
            files = all_written([kind for kind in kinds if kind not in aside], report, params, directory)
        except BaseException:
            with suppress(EdgepathError):
                removed(others().values())
            raise
        try:
            files.update(others())
        except EdgepathError:
            removed(files.values())
            raise
    return placed({kind: files[kind] for kind in kinds}, directory)


def all_written(kinds: list[str], report: Report, params: dict[str, object], directory: str) -> dict[str, str]:
    """Each format beside its place, or none of them."""
    files: dict[str, str] = {}
    try:
        for kind in kinds:
            files[kind] = written(kind, report, params, directory)
    except BaseException:
        removed(files.values())
        raise
    return files


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "run_dir": {"type": "path"},
            "report": {"type": "path"},
            "formats": {"type": "list", "elements": "str", "choices": FORMATS, "default": FORMATS},
            "template_dir": {"type": "path"},
            "project_dir": {"type": "path"},
            "inventory": {"type": "list", "elements": "str", "default": []},
        },
        required_one_of=[("run_dir", "report")],
        mutually_exclusive=[("run_dir", "report")],
        supports_check_mode=True,
    )
    if MISSING is not None:
        module.fail_json(msg=missing_required_lib(MISSING))
    if "html" in module.params["formats"] and module.params["template_dir"] is None:
        module.fail_json(msg="edge_report_write: formats holds html, so template_dir is needed")
    run_dir = module.params["run_dir"]
    try:
        with uncollected():
            files = write(module.params)
        name = ended.finish(run_dir) if run_dir is not None else None
    except EdgepathError as error:
        ended.fail(run_dir, str(error))
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, files=files, link=name)


if __name__ == "__main__":
    main()
