# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of one setting a line: INI, properties, environment files, sysctl.d, systemd's units and what it prints."""

from __future__ import annotations

import re

from . import command, names, shapes
from .prose import redact_prose
from .settings_words import Vocabulary
from .shapes import Shape, vocabulary
from .tree import Place

_SECTION = re.compile(r"[ \t]*\[([^\]\n]{1,200})\][ \t]*")
_PROFILES = ("default", "profile", "services", "sso-session", "plugins")
_SYSCTL = re.compile(r"-?(?:net|kernel|vm|fs|dev|user)[./][\w./*@-]{1,200}", re.ASCII)
_NUMBERS = re.compile(r"-?[0-9]{1,20}(?:\s+-?[0-9]{1,20}){0,7}")
# Key, separator and value of a line; a key of a properties file may also end in a space.
_EITHER = re.compile(r"(?P<key>[^=:\n]*)(?P<sign>[=:][ \t]*)")
_LETTERS = re.compile(r"[A-Za-z]+(?:[._-][A-Za-z]+)*")
_NOTE = re.compile(r"[ \t][#;]")
_BLANK_KEY = re.compile(r"(?P<key>[^=:\s]+)(?P<sign>[ \t]*(?:[=:][ \t]*)?)")


def redact_ini(text: str, place: Place, comments: bool = True) -> str:
    """comments: whether `value  # why` is a value and a comment, which it is not in the SDKs' own files."""
    section, key = place, place
    out = []
    for line in text.split("\n"):
        title = _SECTION.fullmatch(line)
        if title:
            # `[profile london]` and `[default]` are not keys: what hangs below them is not theirs.
            words = title.group(1).split()
            out.append(
                line
                if words and all(names.shown(word) for word in words)
                else f"[{shapes.mask(title.group(1), 'key')}]"
            )
            section = key = place if words[:1] and words[0] in _PROFILES else place.below(title.group(1))
            continue
        inner = line[:1].isspace() and key is not section
        shown, found = _setting(line, key if inner else section, "#;", _EITHER, comments)
        key = found if found is not None and not inner else key
        out.append(shown)
    return "\n".join(out)


def redact_properties(text: str, place: Place) -> str:
    out = []
    continued = False
    for line in text.split("\n"):
        shown = _masked(line) if continued else _setting(line, place, "#!", _BLANK_KEY, False)[0]
        continued = line.endswith("\\") and (continued or line.strip()[:1] not in "#!")
        out.append(shown)
    return "\n".join(out)


def _masked(line: str) -> str:
    bare = line.strip()
    end = "\\" if bare.endswith("\\") else ""
    return line[: len(line) - len(line.lstrip())] + (shapes.mask(bare[: len(bare) - len(end)]) + end if bare else "")


def _setting(line: str, place: Place, signs: str, pattern: re.Pattern[str], comments: bool) -> tuple[str, Place | None]:
    """One line, and the place of its key; None where it has none."""
    bare = line.strip()
    indent = line[: len(line) - len(line.lstrip())]
    if not bare or bare[0] in signs:
        return f"{indent}{bare[:1]}", None
    match = pattern.match(line, len(indent))
    if match is None or not match.group("key").strip():
        return f"{indent}{place.or_mask(bare) if indent else shapes.mask(bare)}", None
    name = match.group("key").strip()
    below = place.below(name)
    if match.group("sign").isspace() or not match.group("sign"):
        # A word and nothing behind it, or only a space: it may be a value that has lost its key.
        good = below.shape is not None or (match.group("sign") and _LETTERS.fullmatch(name))
        if not good:
            return f"{indent}{shapes.mask(bare)}", None
    value, note = line[match.end() :].rstrip(), ""
    if comments:
        cut = _NOTE.search(value)
        value, note = (value[: cut.start()].rstrip(), cut.group()) if cut else (value, "")
    end = "\\" if value.endswith("\\") else ""
    value = value[: len(value) - len(end)]
    shown = below.or_mask(value) if value else ""
    return f"{indent}{names.or_mask(name)}{match.group()[len(match.group('key').rstrip()) :]}{shown}{end}{note}", below


def redact_environment_file(text: str) -> str:
    """systemd.exec(5), EnvironmentFile=: NAME=value, quotes and a backslash at a line's end as a shell has them."""
    out = []
    quote = ""
    for line in text.split("\n"):
        bare = line.strip()
        if quote:
            out.append(shapes.mask(bare) if bare else "")
            quote = "" if quote == "\\" and not bare.endswith("\\") or quote != "\\" and bare.endswith(quote) else quote
            continue
        name, equals, value = bare.partition("=")
        prefix, name = ("export ", name[7:].strip()) if name.startswith("export ") else ("", name.strip())
        if not bare or bare[0] in "#;":
            out.append(bare[:1])
        elif not equals:
            out.append(shapes.mask(bare))
        else:
            out.append(f"{prefix}{names.or_mask(name)}={_quoted(name, value.strip())}")
            quote = _unclosed(value.strip())
    return "\n".join(out)


def _quoted(name: str, value: str) -> str:
    quote = value[:1] if len(value) > 1 and value[:1] in "\"'" and value[-1] == value[0] else ""
    inner = value[1:-1] if quote else value
    return f"{quote}{command.variable(name, inner)}{quote}"


def _unclosed(value: str) -> str:
    if value.endswith("\\"):
        return "\\"
    if value[:1] in ('"', "'") and value and (len(value) == 1 or value[-1] != value[0]):
        return value[0]
    return ""


def redact_sysctl(text: str) -> str:
    out = []
    for line in text.split("\n"):
        key, equals, value = line.partition("=")
        bare = line.strip()
        if not bare or bare[0] in "#;":
            out.append(bare[:1])
        elif not equals or not _SYSCTL.fullmatch(key.strip()):
            out.append(f"{names.or_mask(key.strip())} = {shapes.mask(value.strip())}" if equals else shapes.mask(bare))
        else:
            out.append(f"{key}={_sysctl_value(key.strip(), value)}")
    return "\n".join(out)


def _sysctl_value(key: str, value: str) -> str:
    bare = value.strip()
    secret = names.is_secret(key) and not key.endswith(("keepalive_time", "intvl", "probes"))
    good = _NUMBERS.fullmatch(bare) or bare in _SYSCTL_WORDS
    return value if good and not secret else value[: len(value) - len(value.lstrip())] + shapes.mask(bare)


# Values of settings that take a word: congestion control and queueing (ip-sysctl.rst).
_SYSCTL_WORDS = vocabulary("cubic bbr reno dctcp htcp fq fq_codel pfifo_fast cake codel")


def numbers(value: str) -> str:
    """What the kernel says a setting of it is."""
    return value if _NUMBERS.fullmatch(value) or value in _SYSCTL_WORDS else shapes.mask(value) if value else value


_UNIT_WORDS = (
    "Type User Group Restart Slice KillMode KillSignal After Before Requires Wants BindsTo PartOf Requisite Conflicts "
    "WantedBy RequiredBy Also Alias Id ActiveState SubState LoadState UnitFileState NeedDaemonReload Names Result "
    "StandardOutput StandardError StandardInput SyslogIdentifier SyslogFacility SyslogLevel NotifyAccess DynamicUser "
    "SupplementaryGroups CapabilityBoundingSet AmbientCapabilities SystemCallFilter SystemCallArchitectures "
    "RestrictAddressFamilies DevicePolicy ProtectSystem ProtectHome OOMPolicy CPUSchedulingPolicy IOSchedulingClass "
    "DefaultDependencies RemainAfterExit GuessMainPID PrivateTmp PrivateDevices PrivateNetwork NoNewPrivileges "
    "SuccessExitStatus RestartPreventExitStatus RestartForceExitStatus SendSIGKILL SendSIGHUP TTYReset Personality "
    "StartLimitAction FailureAction SuccessAction TimeoutStartFailureMode TimeoutStopFailureMode UtmpMode Delegate "
    "ExitType RestartMode FinalKillSignal WatchdogSignal PAMName UnsetEnvironment PassEnvironment"
)
_UNIT_AMOUNTS = (
    "RuntimeMaxSec RuntimeRandomizedExtraSec TimeoutSec TimeoutStartSec TimeoutStopSec TimeoutAbortSec RestartSec "
    "WatchdogSec StartLimitIntervalSec StartLimitInterval StartLimitBurst JobTimeoutSec JobRunningTimeoutSec MainPID "
    "RuntimeMaxUSec TimeoutStartUSec TimeoutStopUSec TimeoutAbortUSec RestartUSec WatchdogUSec RestartSteps "
    "RestartMaxDelaySec OnBootSec OnUnitActiveSec OnActiveSec OnStartupSec OnUnitInactiveSec AccuracySec "
    "RandomizedDelaySec MemoryMax MemoryHigh MemoryLimit MemorySwapMax CPUQuota CPUWeight CPUShares TasksMax IOWeight "
    "LimitNOFILE LimitNPROC LimitCORE LimitMEMLOCK LimitAS LimitFSIZE LimitCPU LimitRTTIME LimitSTACK Nice "
    "OOMScoreAdjust IOSchedulingPriority CPUSchedulingPriority UMask FileDescriptorStoreMax NRestarts ExecMainStatus "
    "IPAccounting CPUAccounting MemoryAccounting TasksAccounting IOAccounting RuntimeDirectoryMode StateDirectoryMode "
    "DefaultTimeoutStartSec DefaultTimeoutStopSec DefaultRestartSec LogRateLimitIntervalSec LogRateLimitBurst "
    "IOReadBandwidthMax IOWriteBandwidthMax ActiveEnterTimestampMonotonic"
)
_UNIT_PATHS = (
    "WorkingDirectory RootDirectory PIDFile EnvironmentFile EnvironmentFiles ReadWritePaths ReadOnlyPaths "
    "InaccessiblePaths RuntimeDirectory StateDirectory CacheDirectory LogsDirectory ConfigurationDirectory "
    "FragmentPath DropInPaths SourcePath RequiresMountsFor ConditionPathExists AssertPathExists ConditionFileNotEmpty "
    "BindPaths BindReadOnlyPaths TTYPath ControlGroup ConditionPathIsDirectory RootImage NetworkNamespacePath"
)


def _exit_words(value: str) -> str | None:
    return value if all(shapes.word(part.lstrip("-~+!")) or shapes.amount(part) for part in value.split()) else None


def _paths(value: str) -> str | None:
    """Paths, each perhaps with a minus before it or, as `systemctl show` has them, a note behind it in brackets."""
    return shapes.path(re.sub(r"\((?:ignore_errors)=(?:yes|no)\)", "", value)) and value


def _calendar(value: str) -> str | None:
    return value if re.fullmatch(r"[A-Za-z0-9*:.,/ ~-]{1,80}", value) and not shapes.opaque(value) else None


UNIT: dict[str, Shape] = {
    **dict.fromkeys(_UNIT_WORDS.split(), _exit_words),
    **dict.fromkeys(_UNIT_AMOUNTS.split(), shapes.amount),
    **dict.fromkeys(_UNIT_PATHS.split(), _paths),
    "IPAddressDeny": shapes.host, "IPAddressAllow": shapes.host, "RestrictNetworkInterfaces": shapes.host,
    "OnCalendar": _calendar,
}  # fmt: skip
_COMMANDS = vocabulary("ExecStart ExecStartPre ExecStartPost ExecStop ExecStopPost ExecReload ExecCondition")
_CREDENTIALS = vocabulary("SetCredential SetCredentialEncrypted LoadCredential LoadCredentialEncrypted")
_ENVIRONMENTS = vocabulary("Environment DefaultEnvironment ManagerEnvironment")


def redact_unit(text: str) -> str:
    """A unit of systemd, or what `systemctl show` prints of it."""
    out = []
    key: str | None = None
    for line in text.split("\n"):
        bare = line.strip()
        indent = line[: len(line) - len(line.lstrip())]
        if not bare or bare[0] in "#;":
            out.append(indent + bare[:1])
            continue
        end = "\\" if bare.endswith("\\") else ""
        bare = bare[: len(bare) - len(end)]
        if key is not None:
            shown = _directive(key, bare, False)
        elif _SECTION.fullmatch(bare):
            shown = bare if names.shown(bare[1:-1]) else f"[{shapes.mask(bare[1:-1], 'key')}]"
        elif "=" in bare:
            name, _, value = bare.partition("=")
            key = name.strip()
            shown = f"{names.or_mask(key)}={_directive(key, value, True)}"
        else:
            shown = shapes.mask(bare)
        key = key if end and key is not None else None
        out.append(indent + shown + end)
    return "\n".join(out)


def _directive(key: str, value: str, first: bool) -> str:
    """The value of a directive. first: whether it begins here, and does not go on from the line before."""
    bare = value.strip()
    if not bare:
        return value
    if key in _ENVIRONMENTS:
        return command.assignments(value)
    if key in _COMMANDS:
        return command.command_line(value) if first else _more(value)
    if key in _CREDENTIALS and first:
        name, colon, rest = bare.partition(":")
        good = key.startswith("Load") and shapes.path(rest) and rest.startswith("/")
        return f"{names.or_mask(name)}{colon}{rest if good or not rest else shapes.mask(rest)}"
    if key in ("Description", "Documentation"):
        return redact_prose(value)
    shape = UNIT.get(key)
    shown = shapes.known(shape, bare) if shape is not None else None
    if shown is None and shapes.is_flag(bare) and not names.is_secret(key):
        shown = bare
    space = value[: len(value) - len(value.lstrip())]
    return space + (shapes.mask(bare) if shown is None else shown)


def _more(value: str) -> str:
    """A command line that goes on: its first word is no program."""
    pieces = command.split(value)
    words = [command.unquoted(piece) for piece in pieces if not piece.isspace()]
    clean = iter(command.arguments(words, program=False))
    return "".join(piece if piece.isspace() else next(clean) for piece in pieces)


def redact_generic(text: str, place: Place | None = None) -> str:
    """A text of no known format: names that stand before `:`, `=` or in an element stay, values by their vocabulary."""
    place = place or Place(Vocabulary())
    return "\n".join(_generic(line, place) for line in text.split("\n"))


_ELEMENT = re.compile(r"<([A-Za-z][\w.:-]{0,80})>([^<]*)</\1>", re.ASCII)


def _generic(line: str, place: Place) -> str:
    bare = line.strip()
    indent = line[: len(line) - len(line.lstrip())]
    element = _ELEMENT.fullmatch(bare)
    if element:
        name = element.group(1)
        return f"{indent}<{names.or_mask(name)}>{place.below(name).or_mask(element.group(2))}</{names.or_mask(name)}>"
    shown, _ = _setting(line, place, "#;!", _EITHER, False)
    return shown
