# SPDX-License-Identifier: GPL-3.0-or-later
"""Effective S3 permission, decided locally: the IAM policy engine, its facts and its checks."""
