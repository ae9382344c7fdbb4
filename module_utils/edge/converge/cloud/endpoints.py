# SPDX-License-Identifier: GPL-3.0-or-later
"""VPC endpoints: that there is one, the route tables of a gateway endpoint, the policy of any.

States:
    gateway_endpoint (vpc-1/com.amazonaws.eu-west-2.s3)   [[route table, ...], ...], a list for each gateway endpoint of
                                                          the service in the VPC; None where there is none
    endpoint_route_tables (vpce-1)                        [route table, ...]
    endpoint_policy (vpce-1)                              a document
Source: Amazon EC2 API Reference (CreateVpcEndpoint, ModifyVpcEndpoint); Amazon VPC, "Gateway endpoints".
"""

from __future__ import annotations

import uuid
from typing import Any

from ...finding import EdgepathError
from ..model import State
from . import documents, heard
from .api import Cloud, odd, told
from .kind import Kind, merge_items

_GONE = ("deleting", "deleted", "failed", "rejected", "expired")


def _standing(cloud: Cloud, name: str) -> list[dict[str, Any]]:
    vpc, _, service = name.partition("/")
    wanted = {"vpc-id": vpc, "service-name": service, "vpc-endpoint-type": "Gateway"}
    filters = [{"Name": key, "Values": [value]} for key, value in wanted.items()]
    what = f"endpoints of {vpc}"
    found = cloud.get("ec2", "describe_vpc_endpoints", "VpcEndpoints", resource=what, Filters=filters)
    for item in found or ():
        for field in ("State", "VpcId", "ServiceName", "VpcEndpointType"):
            told(item, field, what)
    return [
        item
        for item in found or ()
        if str(item.get("State", "")).lower() not in _GONE
        and (item.get("VpcId"), item.get("ServiceName"), item.get("VpcEndpointType")) == (vpc, service, "Gateway")
    ]


def _read_gateway(cloud: Cloud, name: str) -> State:
    found = sorted(sorted(item.get("RouteTableIds") or ()) for item in _standing(cloud, name))
    if not found:
        # All pages of the list were read, and it is asked for by what makes the endpoint this one.
        heard.note_absence("DescribeVpcEndpoints lists none")
    return found or None


def _write_gateway(cloud: Cloud, name: str, before: State, after: State) -> None:
    """Creates the endpoint, deletes it, or changes the route tables of the one that there is."""
    standing = _standing(cloud, name)
    vpc, _, service = name.partition("/")
    what = f"gateway endpoint of {service} in {vpc}"
    if before is None and len(after) == 1:
        cloud.put(
            "ec2",
            "create_vpc_endpoint",
            resource=what,
            VpcEndpointType="Gateway",
            VpcId=vpc,
            ServiceName=service,
            RouteTableIds=after[0],
            ClientToken=str(uuid.uuid4()),
        )
    elif after is None and len(standing) == 1:
        answer = cloud.put("ec2", "delete_vpc_endpoints", resource=what, VpcEndpointIds=[standing[0]["VpcEndpointId"]])
        for item in answer.get("Unsuccessful") or ():
            raise EdgepathError(f"edge {cloud.edge.name}: cannot change {what}: {item['Error'].get('Message')}")
    elif before is not None and after is not None and len(standing) == len(before) == len(after):
        _move_tables(cloud, standing, before, after)
    else:
        raise EdgepathError(f"edge {cloud.edge.name}: cannot change {what}: there are several; which one is not clear")


def _move_tables(cloud: Cloud, standing: list[dict[str, Any]], before: State, after: State) -> None:
    left = [tables for tables in after if tables not in before]
    for item in standing:
        tables = sorted(item.get("RouteTableIds") or ())
        if tables in after or not left:
            continue
        nearest = max(left, key=lambda wanted: len(set(wanted) & set(tables)))
        left.remove(nearest)
        _write_tables(cloud, item["VpcEndpointId"], tables, nearest)


def _merge_gateway(before: State, after: State, current: State) -> State:
    """The route tables that we had associated go; an endpoint that we had made goes when nobody else uses it."""
    if current is None:
        return None
    ours = _tables(after) - _tables(before)
    left = sorted(sorted(set(tables) - ours) for tables in current)
    if before is None:
        return [tables for tables in left if tables] or None
    return left


def _tables(state: State) -> set[str]:
    return {table for tables in state or () for table in tables}


def _endpoint(cloud: Cloud, name: str) -> dict[str, Any] | None:
    found = cloud.get("ec2", "describe_vpc_endpoints", "VpcEndpoints", resource=name, VpcEndpointIds=[name])
    if found is None:
        return None
    if [item.get("VpcEndpointId") for item in found] != [name]:
        raise odd(f"endpoint {name}", f"the answer tells of {len(found)} endpoints, and not of this one")
    state = str(told(found[0], "State", f"endpoint {name}"))
    if state.lower() in _GONE:
        heard.note_absence(f"State {state}")
        return None
    return dict(found[0])


def _read_tables(cloud: Cloud, name: str) -> State:
    held = _endpoint(cloud, name)
    return None if held is None else sorted(held.get("RouteTableIds") or ())


def _write_tables(cloud: Cloud, name: str, before: State, after: State) -> None:
    add, remove = sorted(set(after) - set(before)), sorted(set(before) - set(after))
    given: dict[str, Any] = {}
    if add:
        given["AddRouteTableIds"] = add
    if remove:
        given["RemoveRouteTableIds"] = remove
    cloud.put("ec2", "modify_vpc_endpoint", resource=f"endpoint {name}", VpcEndpointId=name, **given)


def _read_policy(cloud: Cloud, name: str) -> State:
    held = _endpoint(cloud, name)
    return None if held is None else documents.normal(told(held, "PolicyDocument", f"policy of {name}"))


def _write_policy(cloud: Cloud, name: str, _before: State, after: State) -> None:
    given = {"ResetPolicy": True} if after is None else {"PolicyDocument": documents.compact(after)}
    cloud.put("ec2", "modify_vpc_endpoint", resource=f"policy of {name}", VpcEndpointId=name, **given)


KINDS = {
    "gateway_endpoint": Kind(_read_gateway, _write_gateway, _merge_gateway),
    "endpoint_route_tables": Kind(_read_tables, _write_tables, merge_items()),
    "endpoint_policy": Kind(_read_policy, _write_policy, documents.merge),
}
