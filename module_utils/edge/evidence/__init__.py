# SPDX-License-Identifier: GPL-3.0-or-later
"""The evidence package: journal, bag, signature, timestamp, custody, and the check of all of them."""
