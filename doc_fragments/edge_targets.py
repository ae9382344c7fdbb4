# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that all audit modules share, documented once."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  edges:
    description:
      - The edges to judge, all in one sweep.
      - The inventory variable of each suboption is its name with the prefix C(edge_).
      - One of O(edges) and O(run_dir) is needed.
    type: list
    elements: dict
    suboptions:
      name:
        description: The edge's name in the inventory.
        type: str
        required: true
      instance_id:
        description:
          - The EC2 instance, C(i-...). One of this, O(edges[].interface_id) or the node's own addresses finds the
            interface.
        type: str
      interface_id:
        description: The network interface that carries the export, C(eni-...).
        type: str
      region:
        description: The AWS region of the edge, such as C(eu-west-2).
        type: str
      aws_profile:
        description: The profile of the controller's AWS configuration that the audit reads with.
        type: str
      audit_role_arn:
        description: A role that the audit assumes before it reads.
        type: str
      converge_profile:
        description:
          - The profile of the controller's AWS configuration that converge and rollback change with. By default they
            change with what the audit reads with.
        type: str
      converge_role_arn:
        description:
          - A role that converge and rollback assume before they change anything. By default they change with what the
            audit reads with.
        type: str
      aws_endpoint_url:
        description:
          - Where the AWS APIs are served, for clouds that are S3-compatible and for the lab. AWS itself by default.
        type: str
      storage_endpoint:
        description: Where recordings are read and written, a host name or URL. C(s3.REGION.amazonaws.com) by default.
        type: str
      storage_kind:
        description: Whether the storage is S3 in AWS, or speaks its protocol elsewhere.
        type: str
        choices: [aws, s3_compatible]
        default: aws
      storage_cidrs:
        description: The address ranges of storage outside AWS.
        type: list
        elements: str
        default: []
      bucket:
        description: The bucket of the recordings.
        type: str
      prefix:
        description: The key prefix below which the export reads and writes.
        type: str
        default: ''
      role_arn:
        description: The role that the export works with; by default that of the instance profile.
        type: str
      root:
        description: The root below which the node's files are read, so that a copy of a node can be audited.
        type: str
        default: /
      dns_names:
        description: Further names that the export must resolve, such as the platform's API.
        type: list
        elements: str
        default: []
      dns_port:
        description: The port of the edge's name servers.
        type: int
        default: 53
      export_config_path:
        description: The export service's own configuration file on the node.
        type: str
      export_config_format:
        description: Its format; told from the file's ending where not given.
        type: str
        choices: [yaml, json, ini, properties, toml]
      export_config_keys:
        description:
          - Where in that file each setting stands, as a dotted key path. A setting without one is found by its own
            name, where that is unambiguous.
          - Known are V(read_timeout), V(connect_timeout), V(total_timeout), V(tcp_keepalive), V(versions), V(proxy),
            V(part_size), V(concurrency), V(session_seconds), V(session_refreshable) and V(worker_seconds).
        type: dict
        default: {}
      export_service:
        description: The systemd unit of the export service.
        type: str
      recording_storage_path:
        description: The recording-storage settings document on the node, YAML or JSON.
        type: str
      recording_keys:
        description: Keys of recordings that are to be held or retrieved; each is looked at by itself.
        type: list
        elements: str
        default: []
      log_path:
        description: The edge's log file. Its rotations (C(.1), C(.gz), dated ones) are found beside it.
        type: str
      log_format:
        description:
          - The format of the log's timestamps, told from its first lines where not given. V(iso8601), V(syslog),
            V(epoch), V(log4j), or a pattern such as V(%d.%m.%Y %H:%M:%S).
        type: str
      log_timezone:
        description:
          - The time zone of timestamps that name none, such as V(Europe/London) or V(+01:00). That of the node by
            default.
        type: str
      job_path:
        description:
          - A saved document of the export job that failed, JSON, on the controller. It tells the window in which the
            log is read, and how the transfer died. Give an absolute path, such as one that begins with the inventory's
            own directory.
        type: str
      window:
        description:
          - The time in which the export failed, keys C(start) and C(end), ISO 8601 in UTC. That of O(edges[].job_path)
            by default.
        type: dict
        default: {}
      proxy_config_paths:
        description: Configuration files of Squid, nginx, HAProxy or Envoy through which the export goes.
        type: list
        elements: str
        default: []
      service_commands:
        description:
          - How programs are told to read their files again where systemd does not run them, a command by the name of
            the program or unit, such as V(squid -k reconfigure) for C(squid). Converge runs it on the edge.
        type: dict
        default: {}
      payload:
        description:
          - The recordings as a load, keys C(longest_minutes), C(codec), C(channels), C(pace) (times real time) and
            C(delivery) (V(buffered) or V(streamed)).
        type: dict
        default: {}
      profile:
        description:
          - Values of the profile, the configuration known to work, that are to be others for this edge. Its keys,
            their defaults and reasons are in C(docs/profile.md).
        type: dict
        default: {}
  run_dir:
    description:
      - The directory of the run, C(runs/<id>). The edges and what earlier steps found are read from it, and this
        step's facts and findings are written to it. Without it everything is in the module's result.
    type: path
"""
