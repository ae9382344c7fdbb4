# SPDX-License-Identifier: GPL-3.0-or-later
"""The sweep against moto's server: what it finds, how often it asks, and what it makes of errors."""

from __future__ import annotations

import pytest
from ansible.module_utils.edge import aws
from ansible.module_utils.edge.aws import Account
from ansible.module_utils.edge.egress import facts as gathering
from ansible.module_utils.edge.egress.catalogue import CATALOGUE
from ansible.module_utils.edge.egress.checks import judge
from ansible.module_utils.edge.finding import Unread, unread
from ansible.module_utils.edge.run import Run, plain
from ansible.module_utils.edge.targets import Edge
from botocore.awsrequest import AWSResponse

from tests.unit.egress import cloud as clouds
from tests.unit.egress.builders import host

pytestmark = pytest.mark.xdist_group("moto")
moto_server = pytest.importorskip("moto.server")
# Addresses of moto's own list of S3 in a region: 52.216.0.0/15, 3.5.0.0/19, 54.231.0.0/16.
STORAGE = ["52.216.1.1", "3.5.1.1"]
FAR = "52.95.149.10"
ADDRESS = "10.0.16.10"
HOST = host(
    routes=[{"dst": "default", "dev": "ens5", "prefsrc": ADDRESS}],
    addresses=[{"interface": "ens5", "address": ADDRESS, "scope": "global"}],
)


@pytest.fixture(scope="module")
def server():
    running = moto_server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    name, port = running.get_host_and_port()
    yield f"http://{name}:{port}"
    running.stop()


@pytest.fixture(scope="module")
def cloud(server):
    return clouds.build(server)


def opened_with(monkeypatch, session):
    """All handles read through this session."""
    monkeypatch.setattr(gathering, "account_of", lambda _run, key: Account(key, session=session))


class Denying(Account):
    """Denies one operation; keeps its clients from one sweep to the next, since to build them takes longest."""

    denied = ""
    kept: dict = {}

    def _client(self, service, endpoint_url):
        key = (service, self.key.endpoint_url)
        if key not in self.kept:
            self.kept[key] = super()._client(service, endpoint_url)
        return self.kept[key]

    def read(self, service, operation, result_key=None, **parameters):
        permission = aws.permission_of(service, operation)
        if permission == self.denied:
            self.calls[permission] += 1
            return Unread("denied", permission, operation, f"AccessDenied (needs {permission})", (permission,))
        return super().read(service, operation, result_key, **parameters)


@pytest.fixture(autouse=True)
def credentials(monkeypatch):
    for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(key, "testing")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.setattr(gathering.node, "gather_node", lambda edge: HOST)
    monkeypatch.setattr(gathering, "account_of", lambda _run, key: Denying(key))


def edge(cloud, name="e", **fields):
    return Edge(name=name, region=clouds.REGION, aws_endpoint_url=cloud.url, **fields)


def gather(cloud, edges, addresses=STORAGE, tmp_path=None):
    run = Run(None)
    if tmp_path is not None:
        run = clouds.run_with(tmp_path, [item.name for item in edges], addresses, HOST)
    return gathering.gather(edges, run)


def judged(item, facts, addresses=STORAGE):
    return {found.check: found for found in judge(item, facts, {"dns": {"storage_addresses": addresses}})}


def test_an_edge_by_its_interface(cloud, tmp_path):
    item = edge(cloud, interface_id=cloud.interfaces[0])
    found, calls = gather(cloud, [item], tmp_path=tmp_path)
    facts = found["e"]
    assert facts["vpc_id"] == cloud.ids["vpc"] and facts["private_addresses"] == [ADDRESS]
    assert facts["route"]["kind"] == "gateway_endpoint" and facts["route"]["id"] == cloud.ids["endpoint"]
    assert facts["endpoint_policy"] == {
        "id": cloud.ids["endpoint"],
        "document": {"Version": "2012-10-17", "Statement": []},
    }
    assert facts["role_arn"] == f"arn:aws:iam::{clouds.ACCOUNT}:role/edge"
    assert facts["instance_type"] == "m5.large" and facts["account"] == clouds.ACCOUNT
    assert [bound["setting"] for bound in facts["bounds"]] == ["TcpEstablishedTimeout"]
    assert {status.status for status in judged(item, facts).values()} == {"pass"}
    assert calls["ec2:DescribeNetworkInterfaces"] == 1 and "ec2:DescribeInstances" in calls
    plain(found)


def test_an_edge_by_its_instance_asks_for_no_interface(cloud, tmp_path):
    item = edge(cloud, instance_id=cloud.instances[0])
    found, calls = gather(cloud, [item], tmp_path=tmp_path)
    assert found["e"]["interface"]["id"] == cloud.interfaces[0]
    assert calls["ec2:DescribeInstances"] == 1 and "ec2:DescribeNetworkInterfaces" not in calls
    assert judged(item, found["e"])["EGRESS-02"].status == "pass"


def test_an_edge_by_its_own_address(cloud, tmp_path):
    found, _ = gather(cloud, [edge(cloud)], tmp_path=tmp_path)
    assert found["e"]["interface"]["id"] == cloud.interfaces[0]


def test_through_nat(cloud, tmp_path):
    item = edge(cloud, interface_id=cloud.interfaces[0])
    found, _ = gather(cloud, [item], [FAR], tmp_path)
    facts = found["e"]
    assert (facts["route"]["kind"], facts["route"]["id"]) == ("nat_gateway", cloud.ids["nat"])
    assert facts["route"]["source_ip"]
    assert [bound["seconds"] for bound in facts["bounds"]] == [350.0, 432000.0]
    answers = judged(item, facts, [FAR])
    assert {answers[check].status for check in ("EGRESS-30", "EGRESS-40", "EGRESS-50")} == {"pass"}
    assert answers["EGRESS-20"].status == "fail"


def test_an_edge_that_is_another_machine_is_outside_of_aws(cloud, monkeypatch):
    monkeypatch.setattr(gathering.node, "gather_node", lambda edge: {**HOST, "vendor": "Dell Inc."})
    found, calls = gather(cloud, [edge(cloud)])
    assert found["e"]["in_aws"] is False and calls == {}


@pytest.mark.parametrize("fields", [{"interface_id": "eni-00000000000000000"}, {"instance_id": "i-00000000000000000"}])
def test_an_id_that_does_not_exist_is_absent_and_does_not_disturb_the_others(cloud, tmp_path, fields):
    items = [edge(cloud, "there", interface_id=cloud.interfaces[0]), edge(cloud, "gone", **fields)]
    found, _ = gather(cloud, items, tmp_path=tmp_path)
    assert found["gone"]["interface"] is None
    gone = judged(items[1], found["gone"])["EGRESS-01"]
    assert gone.status == "fail" and f"does not exist in account {clouds.ACCOUNT}" in gone.observed
    assert judged(items[0], found["there"])["EGRESS-02"].status == "pass"


def test_interfaces_of_one_instance_are_told_apart_by_the_edges_own_routing_table(cloud):
    held = [
        {"id": "eni-a", "addresses": ["10.0.0.1"], "ipv6": [], "vpc": "v"},
        {"id": "eni-b", "addresses": [ADDRESS], "ipv6": [], "vpc": "v"},
    ]
    from ansible.module_utils.edge.egress import select

    assert select.carrying("e", held, HOST)["id"] == "eni-b"
    hidden = select.carrying("e", held, Unread("not_collected", "edge_facts", "e", "nothing"))
    assert "set edge_interface_id" in unread(hidden).message
    assert "several VPCs" in unread(select.by_address("e", [held[0], {**held[1], "vpc": "w"}], HOST)).message


def operations(cloud, tmp_path):
    _, calls = gather(cloud, [edge(cloud, instance_id=cloud.instances[0])], ["10.0.16.200"], tmp_path / "all")
    _, more = gather(cloud, [edge(cloud, interface_id=cloud.interfaces[0])], STORAGE, tmp_path / "more")
    return sorted(set(calls) | set(more))


def test_every_call_denied_in_turn_makes_nothing_greener(cloud, tmp_path, monkeypatch):
    names = operations(cloud, tmp_path)
    assert len(names) >= 17
    bad = edge(cloud, "bad", interface_id=cloud.interfaces[0])
    edges = [bad, edge(cloud, "by-instance", instance_id=cloud.instances[0])]
    addresses = [*STORAGE, FAR]
    whole, _ = gather(cloud, edges, addresses, tmp_path)
    before = {item.name: judged(item, whole[item.name], addresses) for item in edges}
    assert before["bad"]["EGRESS-21"].status == "fail"
    for name in names:
        monkeypatch.setattr(Denying, "denied", name)
        found, calls = gather(cloud, edges, addresses, tmp_path)
        plain(found)
        hurt = 0
        for item in edges:
            after = judged(item, found[item.name], addresses)
            assert set(after) == set(CATALOGUE)
            for check, finding in before[item.name].items():
                if finding.status in ("fail", "unknown"):
                    assert after[check].status != "pass", (name, check)
                hurt += after[check].status == "unknown"
                if after[check].status == "unknown" and after[check].permissions:
                    assert after[check].permissions == (name,)
        assert calls[name] >= 1
        quiet = {"sts:GetCallerIdentity", "iam:GetInstanceProfile", "ec2:DescribeInstanceTypes", "ec2:DescribeVpcs",
                 "ec2:DescribeVpcAttribute", "ec2:DescribeSubnets", "ec2:DescribeEgressOnlyInternetGateways",
                 "ec2:DescribeDhcpOptions"}  # fmt: skip
        assert hurt or name in quiet, name


@pytest.mark.parametrize(
    ("operation", "key"),
    [
        ("DescribeRouteTables", "RouteTables"),
        ("DescribeSecurityGroupRules", "SecurityGroupRules"),
        ("GetManagedPrefixListEntries", "Entries"),
        ("DescribeNetworkAcls", "NetworkAcls"),
        ("DescribeNetworkInterfaces", "NetworkInterfaces"),
    ],
)
def test_half_an_answer_is_no_answer(cloud, tmp_path, monkeypatch, operation, key):
    """The second page of a list comes back without the list."""
    session = clouds.session()
    pages = []

    def cut(parsed, **_):
        pages.append(1)
        if len(pages) % 2:
            parsed["NextToken"] = "more"
        else:
            parsed.pop(key)

    session.events.register(f"after-call.ec2.{operation}", cut)
    opened_with(monkeypatch, session)
    item = edge(cloud, interface_id=cloud.interfaces[0])
    found, _ = gather(cloud, [item], tmp_path=tmp_path)
    answers = judged(item, found["e"])
    assert "unknown" in {answers[check].status for check in ("EGRESS-20", "EGRESS-30", "EGRESS-40")}
    assert any(finding.reason == "error" and "incomplete" in finding.observed for finding in answers.values())


def test_throttling_is_unknown_and_says_so(cloud, tmp_path, monkeypatch):
    session = clouds.session()
    body = (
        b"<Response><Errors><Error><Code>RequestLimitExceeded</Code><Message>slow</Message></Error></Errors></Response>"
    )

    class Raw:
        def stream(self, **_):
            return iter([body])

    def throttle(request, **_):
        return AWSResponse(request.url, 503, {}, Raw())

    session.events.register("before-send.ec2.DescribeNetworkAcls", throttle)
    monkeypatch.setattr(aws, "MAX_ATTEMPTS", 1)
    opened_with(monkeypatch, session)
    item = edge(cloud, interface_id=cloud.interfaces[0])
    found, _ = gather(cloud, [item], tmp_path=tmp_path)
    answer = judged(item, found["e"])["EGRESS-30"]
    assert (answer.status, answer.reason) == ("unknown", "error")
    assert "RequestLimitExceeded" in answer.observed


def test_an_endpoint_that_does_not_answer_leaves_every_check_unknown(cloud, tmp_path, monkeypatch):
    monkeypatch.setattr(aws, "MAX_ATTEMPTS", 1)
    item = Edge(name="e", region=clouds.REGION, aws_endpoint_url="http://127.0.0.1:9", interface_id="eni-1")
    found, _ = gather(cloud, [item], tmp_path=tmp_path)
    answers = judged(item, found["e"])
    path = [finding for check, finding in answers.items() if check not in ("EGRESS-10", "EGRESS-11")]
    assert {finding.status for finding in path} == {"unknown"}
    assert answers["EGRESS-01"].reason == "unreachable"


def test_an_item_without_what_the_api_guarantees_spoils_its_list_and_raises_nothing(cloud, tmp_path, monkeypatch):
    session = clouds.session()
    session.events.register(
        "after-call.ec2.DescribeNetworkInterfaces",
        lambda parsed, **_: [item.pop("NetworkInterfaceId") for item in parsed["NetworkInterfaces"]],
    )
    opened_with(monkeypatch, session)
    item = edge(cloud, interface_id=cloud.interfaces[0])
    found, _ = gather(cloud, [item], tmp_path=tmp_path)
    gone = unread(found["e"]["interface"])
    assert gone.state == "error"
    assert "without NetworkInterfaces[].NetworkInterfaceId" in gone.message


def test_a_group_of_another_account_keeps_apart(cloud, tmp_path, monkeypatch):
    """A rule that names a group of a peered VPC: its members are not this account's to list."""
    session = clouds.session()

    def refer(parsed, **_):
        for item in parsed["SecurityGroupRules"]:
            item.pop("PrefixListId", None)
            item["ReferencedGroupInfo"] = {"GroupId": "sg-0far", "UserId": "999999999999", "PeeringStatus": "active"}

    session.events.register("after-call.ec2.DescribeSecurityGroupRules", refer)
    opened_with(monkeypatch, session)
    item = edge(cloud, interface_id=cloud.interfaces[0])
    found, _ = gather(cloud, [item], tmp_path=tmp_path)
    answer = judged(item, found["e"])["EGRESS-20"]
    assert answer.status == "unknown" and "999999999999" in answer.observed


def test_a_rule_that_names_a_group_of_its_own_account(cloud, tmp_path, monkeypatch):
    """Its members' addresses are read: here those of the edges themselves, none of them the storage's."""
    session = clouds.session()

    def refer(parsed, **_):
        for item in parsed["SecurityGroupRules"]:
            item.pop("PrefixListId", None)
            item["ReferencedGroupInfo"] = {"GroupId": item["GroupId"], "UserId": clouds.ACCOUNT}

    session.events.register("after-call.ec2.DescribeSecurityGroupRules", refer)
    opened_with(monkeypatch, session)
    item = edge(cloud, interface_id=cloud.interfaces[0])
    found, _ = gather(cloud, [item], tmp_path=tmp_path)
    assert ADDRESS in found["e"]["network"]["group_members"][cloud.ids["group"]]
    assert judged(item, found["e"])["EGRESS-20"].status == "fail"


def test_the_nitro_generations_default_comes_from_the_instance_type(cloud, tmp_path, monkeypatch):
    session = clouds.session()

    def describe(parsed, **_):
        for item in parsed["InstanceTypes"]:
            item["NetworkInfo"]["ConnectionTrackingConfiguration"] = {"DefaultTcpEstablishedTimeout": 350}

    session.events.register("after-call.ec2.DescribeInstanceTypes", describe)
    opened_with(monkeypatch, session)
    item = edge(cloud, interface_id=cloud.interfaces[0])
    found, _ = gather(cloud, [item], tmp_path=tmp_path)
    assert [bound["seconds"] for bound in found["e"]["bounds"]] == [350.0]


@pytest.mark.parametrize(
    ("endpoint", "wanted"),
    [
        (None, "eu-west-2"),
        ("s3.eu-central-1.amazonaws.com", "eu-central-1"),
        ("https://s3.dualstack.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
        ("bucket.s3-eu-west-1.amazonaws.com", "eu-west-1"),
        ("bucket.vpce-1a2b-3c.s3.eu-west-2.vpce.amazonaws.com", "eu-west-2"),
        ("storage.example.net", "eu-west-2"),
    ],
)
def test_the_region_of_the_storage(endpoint, wanted):
    assert gathering.storage_region(Edge(name="e", region="eu-west-2", storage_endpoint=endpoint)) == wanted


def test_storage_of_another_region_has_no_prefix_list_here(cloud, tmp_path):
    item = edge(cloud, interface_id=cloud.interfaces[0], storage_endpoint="s3.eu-central-1.amazonaws.com")
    found, _ = gather(cloud, [item], tmp_path=tmp_path)
    answers = judged(item, found["e"])
    assert answers["EGRESS-04"].status == "unknown" and "eu-central-1" in answers["EGRESS-04"].observed
    assert answers["EGRESS-20"].status == "pass"


def test_the_number_of_calls_does_not_grow_with_the_edges(server, tmp_path, monkeypatch):
    """500 edges of one VPC against 5, pages aside; a batch of filter values is a call."""
    reset = clouds.build(server, edges=500)
    counts = {}
    monkeypatch.setattr(gathering.node, "gather_node", lambda edge: HOST)
    for number in (5, 500):
        edges = [edge(reset, f"e{index}", interface_id=name) for index, name in enumerate(reset.interfaces[:number])]
        found, calls = gather(reset, edges, tmp_path=tmp_path / str(number))
        assert len(found) == number
        counts[number] = sum(calls.values())
    assert counts[500] <= 1.2 * counts[5], counts
