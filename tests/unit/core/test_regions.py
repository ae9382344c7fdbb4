# SPDX-License-Identifier: GPL-3.0-or-later
"""A region that is in no list is told, once; one that may be newer than the list fails nothing."""

from __future__ import annotations

import importlib.util

import pytest
from ansible.module_utils.edge import regions
from ansible.module_utils.edge.targets import Edge


def edge(name, region, **more):
    return Edge.from_mapping({"name": name, "region": region, "bucket": "acme-recordings", **more})


@pytest.mark.parametrize("region", ["eu-west-2", "us-gov-west-1", "cn-north-1", "eusc-de-east-1"])
def test_what_aws_has_is_not_spoken_of(region):
    assert regions.unlisted([edge("a", region)], regions.listed()) == []


@pytest.mark.parametrize(
    ("region", "said"),
    [
        ("eu-wets-2", "edge a: edge_region eu-wets-2 is no region that boto3 knows; did you mean eu-west-2?"),
        ("us-east-11", "did you mean us-east-1?"),
        ("xx-nowhere-9", "is boto3 older than the region?"),
    ],
)
def test_what_is_in_no_list_is_one_sentence(region, said):
    [sentence] = regions.unlisted([edge("a", region)], regions.listed())
    assert said in sentence


def test_a_fleet_is_told_once_a_region():
    fleet = [edge("a", "eu-wets-2"), edge("b", "eu-wets-2"), edge("c", "eu-west-2")]
    [sentence] = regions.unlisted(fleet, regions.listed())
    assert sentence.startswith("edge a (and 1 more): ")


def test_another_cloud_has_regions_of_its_own():
    assert (
        regions.unlisted([edge("a", "dc-north-1", aws_endpoint_url="https://api.cloud.example")], regions.listed())
        == []
    )


@pytest.mark.parametrize("content", [None, "{", "[]", '{"partitions": [{}]}'])
def test_without_a_list_nothing_is_said(monkeypatch, tmp_path, content):
    (tmp_path / "data").mkdir()
    if content is not None:
        (tmp_path / "data/partitions.json").write_text(content, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("botocore", tmp_path / "__init__.py")
    monkeypatch.setattr(regions, "find_spec", lambda _: spec)
    assert regions.unlisted([edge("a", "eu-wets-2")], regions.listed()) == []
    monkeypatch.setattr(regions, "find_spec", lambda _: None)
    assert regions.listed() == frozenset()
