# SPDX-License-Identifier: GPL-3.0-or-later
"""How the fixes of egress, iam and bucket are applied that change something on the edge itself. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..targets import Edge
from .asked import need
from .edit import keypath, nftables
from .edit.texts import text_of, with_text
from .model import NODE, Action, Ref, Refused, State
from .node_files import Fix, States, edited_file, export_service, file, format_in
from .on_node import OWN_RULE

NFTABLES = "/etc/nftables.conf"
_EXPORT = "what the export service does with an open transfer when it reads its configuration again is not published"
# Who makes a table writes it anew: iptables its built-in chains, firewalld and ufw theirs.
_BUILT_IN = ("INPUT", "OUTPUT", "FORWARD", "PREROUTING", "POSTROUTING")


# The host's firewall.


def _chain(fix: Fix) -> tuple[str, str, str]:
    family, table, chain = str(need(fix, "family")), str(need(fix, "table")), str(need(fix, "chain"))
    rules = "; ".join(_rules(fix))
    if chain in _BUILT_IN:
        name = "ip6tables" if family == "ip6" else "iptables"
        raise Refused(
            f"chain {chain} of table {table} is iptables' own: insert the rule with {name} -I {chain} and keep it with "
            f"netfilter-persistent save: {rules}"
        )
    for manager in ("firewalld", "ufw", "docker", "libvirt"):
        if manager in table.lower() or chain.lower().startswith(manager):
            raise Refused(f"chain {family} {table} {chain} is made by {manager}: have {manager} accept this: {rules}")
    return family, table, chain


def _rules(fix: Fix) -> list[str]:
    return nftables.rules_for(str(fix.get("hook") or ""), need(fix, "destinations"), int(need(fix, "port")))


def _firewall_refs(edge: Edge, fix: Fix) -> Sequence[Ref]:
    """The file that is read at boot and, but in a copy of a node, the rules in force."""
    running = Ref(NODE, "firewall_rules", " ".join(_chain(fix)))
    return [file(NFTABLES), running] if edge.root == "/" else [file(NFTABLES)]


def _firewall(edge: Edge, fix: Fix, states: States) -> Mapping[str, State]:
    chain, rules = _chain(fix), _rules(fix)
    if states[file(NFTABLES).key] is None:
        raise Refused(f"there is no {NFTABLES} in which a rule would last: add it where the chain is made: {rules[0]}")
    wanted = edited_file(
        edge, states, NFTABLES, lambda held: nftables.add_rules(held, NFTABLES, chain, rules, OWN_RULE)
    )
    running = Ref(NODE, "firewall_rules", " ".join(chain)).key
    if running in states:
        held = list(states[running] or [])
        # At the head of the chain, in the order of the file, so that a boot changes nothing.
        wanted[running] = [*(rule for rule in rules if rule not in held), *held]
    return wanted


# The export's settings.


def _versions(edge: Edge, fix: Fix, states: States) -> Mapping[str, State]:
    path, key = str(need(fix, "path")), str(need(fix, "key"))

    def edit(held: str) -> str:
        return keypath.set_key(held, format_in(edge, path), path, key, "true")

    return edited_file(edge, {file(path).key: _there(states, path)}, path, edit)


def _there(states: States, path: str) -> State:
    state = states[file(path).key]
    if state is None:
        raise Refused(f"{path}: there is no such file; audit again")
    return state


def _path_refs(_edge: Edge, fix: Fix) -> Sequence[Ref]:
    return [file(str(need(fix, "path")))]


def _key_refs(_edge: Edge, fix: Fix) -> Sequence[Ref]:
    found = []
    for item in need(fix, "settings"):
        path = str(item.get("file"))
        if not path.startswith("/"):
            raise Refused(f"{item.get('setting')} stands in {path}: take it out where that is made, in the unit")
        found.append(file(path))
    return list(dict.fromkeys(found))


def _without_keys(edge: Edge, fix: Fix, states: States) -> Mapping[str, State]:
    wanted = dict(states)
    for item in fix["settings"]:
        path = str(item["file"])
        state = _there(wanted, path)
        format_, text = format_in(edge, path), text_of(state, path)
        for key in keypath.named(text, format_, path, str(item["setting"])):
            text = keypath.remove_key(text, format_, path, key)
        wanted[file(path).key] = with_text(state, text)
    return wanted


def _none(_edge: Edge, _fix: Fix) -> Sequence[Ref]:
    return ()


def _nothing(_edge: Edge, _fix: Fix, _states: States) -> Mapping[str, State]:
    return {}


def _test_rules(_edge: Edge, _fix: Fix) -> str:
    return "nft -c -f %s"


ACTIONS: tuple[Action, ...] = (
    Action("allow_host_firewall", _firewall_refs, _firewall, validate=_test_rules),
    Action("set_export_versions", _path_refs, _versions, disruptive=_EXPORT, reloads=export_service),
    Action("remove_static_keys", _key_refs, _without_keys, disruptive=_EXPORT, reloads=export_service, consent=(
        "the export is left with its role alone, and fails where it does not use it")),
    Action("pin_versions", _none, _nothing, manual=(
        "which version is the evidence is a person's to say: ask edge_recording_retrieve for it by its id")),
)  # fmt: skip
