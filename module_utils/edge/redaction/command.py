# SPDX-License-Identifier: GPL-3.0-or-later
"""Environments and command lines: a name that is known as harmless shows its value, every other one only itself."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from . import names, shapes
from .settings_words import of_setting, of_variable
from .shapes import Shape, vocabulary

# Programs that run another one, and their options that take a harmless value (coreutils, util-linux, sudo, systemd).
_WRAPPERS = vocabulary(
    "timeout env nice ionice chrt taskset nohup setsid stdbuf exec sudo sh bash dash time strace flock setpriv runuser "
    "numactl prlimit sleep systemd-run unbuffer catchsegv"
)
_PROGRAM = re.compile(r"[A-Za-z0-9_./+-]*[A-Za-z][A-Za-z0-9_./+-]*")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,99}")
# Short options that programs at large use for a file of settings.
_SHORT: dict[str, Shape] = {"-c": shapes.path, "-f": shapes.path}
_WRAPPER_SHORT: dict[str, Shape] = {
    "-p": shapes.amount,
    "-n": shapes.amount, "-k": shapes.amount, "-s": shapes.word, "-c": shapes.amount, "-u": shapes.word,
    "-o": shapes.word, "-i": shapes.word, "-e": shapes.word, "-g": shapes.word,
}  # fmt: skip
_WRAPPER_LONG = vocabulary("--kill-after --signal --adjustment --user --chdir --unset --class --unit --group")
_JAVA = re.compile(
    r"-X(?:m[nsx]|ss)[0-9]{1,9}[kKmMgG]?|-XX:[+-]?[A-Za-z]{1,60}(?:=[0-9]{1,12}[kKmMgG]?)?|-(?:server|client|ea)"
)
# `-Ws`: so few letters are options in a bunch, and no secret behind one.
_CLUSTER = 4
_SIGNALS = vocabulary("-HUP -TERM -QUIT -INT -KILL -USR1 -USR2")
_REFERENCE = re.compile(r"\$(?:[A-Za-z_][A-Za-z0-9_]{0,60}|\{[A-Za-z_][A-Za-z0-9_]{0,60}\})")
_OPTION = re.compile(r"--?[A-Za-z][\w.-]{0,80}", re.ASCII)
_WORD = re.compile(r"""[^\s"'\\]+|"[^"\\]*(?:\\.[^"\\]*)*"|'[^']*'|\\.|["'\\]""", re.DOTALL)
_SPACES = re.compile(r"\s+")


def variable(name: str, value: str) -> str:
    """The value of a variable of the environment as it may be shown."""
    if shapes.is_nothing(value):
        return value
    if name.lower() in ("java_tool_options", "_java_options", "jdk_java_options", "java_opts", "catalina_opts"):
        return " ".join(arguments(value.split(), program=False))
    shape = of_variable(name)
    shown = shapes.known(shape, value) if shape is not None else None
    if shown is None and shapes.is_flag(value) and not names.is_secret(name):
        shown = value
    return shapes.mask(value) if shown is None else shown


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """All of the names; the values of those that are known as harmless."""
    return {(name if _VARIABLE.fullmatch(name) else names.or_mask(name)): variable(name, value)
            for name, value in variables.items()}  # fmt: skip


def arguments(words: Sequence[str], program: bool = True) -> list[str]:
    """A command line, word by word. program: whether its first word is one."""
    clean: list[str] = []
    wrapped = expects = program
    pending: str | None = None
    for word in words:
        if pending is not None and not (word.startswith("-") and len(word) > 1 and not word[1:2].isdigit()):
            clean.append(_after(pending, word, wrapped))
            pending = None
            continue
        pending = None
        if word.startswith("-") and len(word) > 1 and not (expects and word.lstrip("-@:+!|").startswith("/")):
            shown, pending = _option(word)
            pending = pending if pending is not None and _takes(pending, wrapped) else None
            clean.append(shown)
        elif _REFERENCE.fullmatch(word):
            clean.append(word)
        elif expects or wrapped:
            shown, is_program = _first(word, bool(clean))
            clean.append(shown)
            wrapped = not is_program or _base(word) in _WRAPPERS
            expects = False
        else:
            clean.append(_positional(word))
    return clean


def _base(word: str) -> str:
    return word.rsplit("/", 1)[-1].lstrip("-@:+!|")


def _first(word: str, inner: bool) -> tuple[str, bool]:
    """A word where a program is expected: the program, or what its wrapper takes before it."""
    name, equals, value = word.partition("=")
    if equals and _VARIABLE.fullmatch(name):
        return f"{name}={variable(name, value)}", False
    if inner and shapes.amount(word):
        return word, False
    bare = word.lstrip("-@:+!|")
    good = _PROGRAM.fullmatch(bare) and not shapes.opaque(bare) and len(bare) < 300
    good = good and (not inner or "/" in bare or _base(bare) in _WRAPPERS or not any(map(str.isdigit, bare)))
    return (word if good else shapes.mask(word)), True


def _option(word: str) -> tuple[str, str | None]:
    """An option, and the same where the next word may be its value."""
    name, equals, value = word.partition("=")
    if not equals:
        if _JAVA.fullmatch(word):
            return word, None
        bare = len(word) <= _CLUSTER or word[1] == "-" or word in _SIGNALS
        if _OPTION.fullmatch(word) and not shapes.opaque(word) and (bare or _known(word)):
            return word, word
        # -pSECRET and -uuser:secret: a short option with its value behind it is no name.
        return word[:2] + shapes.mask(word[2:]), None
    key = name[2:] if name.startswith("-D") else name.lstrip("-")
    dashes = name[: len(name) - len(key)]
    return f"{dashes}{names.or_mask(key)}={_by_key(key, value)}", None


def _known(word: str) -> bool:
    return word in ("-jar", "-cp", "-classpath", "-config", "-conf", "-conf.file", "-log", "-debug", "-verbose") or (
        of_setting(word.lstrip("-")) is not None
    )


def _by_key(key: str, value: str) -> str:
    if shapes.is_nothing(value):
        return value
    shape = _OPTIONS.get(key.lower()) or (of_variable(key) if key.isupper() else None) or of_setting(key)
    shown = shapes.known(shape, value) if shape is not None else None
    if shown is None and shapes.is_flag(value) and not names.is_secret(key):
        shown = value
    return shapes.mask(value) if shown is None else shown


_OPTIONS: dict[str, Shape] = {
    "config": shapes.path, "conf": shapes.path, "config-file": shapes.path, "settings": shapes.path,
    "cp": shapes.path, "classpath": shapes.path, "jar": shapes.path, "conf.file": shapes.path, "pidfile": shapes.path,
    "pid-file": shapes.path, "kill-after": shapes.amount, "signal": shapes.word, "chdir": shapes.path,
    "java.io.tmpdir": shapes.path, "file.encoding": shapes.word, "user.timezone": shapes.word,
    "http.proxyhost": shapes.host, "https.proxyhost": shapes.host, "http.proxyport": shapes.amount,
    "https.proxyport": shapes.amount, "http.nonproxyhosts": shapes.host, "java.net.usesystemproxies": shapes.flag,
    "javax.net.ssl.truststore": shapes.path, "sun.net.client.defaultreadtimeout": shapes.amount,
    "sun.net.client.defaultconnecttimeout": shapes.amount, "networkaddress.cache.ttl": shapes.amount,
}  # fmt: skip


def _takes(option: str, wrapped: bool) -> bool:
    """Whether the word after an option may be its value. Of a wrapper's options only those that take one have one."""
    return not wrapped or option in _WRAPPER_SHORT or option in _WRAPPER_LONG


def _after(option: str, value: str, wrapped: bool) -> str:
    """The word after an option."""
    if _REFERENCE.fullmatch(value):
        return value
    if wrapped:
        shown = shapes.known(_WRAPPER_SHORT.get(option, shapes.words), value)
        return value if shown is not None else command_line(value) if option == "-c" else shapes.mask(value)
    if option.startswith("--") or len(option) > 2:
        return _by_key(option.lstrip("-"), value)
    shape = _SHORT.get(option)
    good = shape is not None and value.startswith("/") and _PATHLIKE.fullmatch(value) and not shapes.opaque(value)
    return value if good else shapes.mask(value)


# A path of files: it begins at the root, and its parts are words.
_PATHLIKE = re.compile(r"/[A-Za-z0-9_@+~.-]{1,80}(?:/[A-Za-z0-9_@+~.-]{1,80}){1,12}/?")


_SUBCOMMANDS = vocabulary(
    "s3 s3api sync cp mv copy move run start serve server daemon worker export upload reload restart"
)
_CLASS = re.compile(r"[a-z]+(?:\.[A-Za-z]+){1,8}")


def _positional(word: str) -> str:
    if word.startswith("s3://"):
        return shapes.url(word) or shapes.mask(word)
    good = _PATHLIKE.fullmatch(word) is not None and not shapes.opaque(word) and "@" not in word
    good = good or word in _SUBCOMMANDS or _CLASS.fullmatch(word) is not None
    return word if good or word in ("&&", "||", ";", "|", "&", "--") else shapes.mask(word)


def split(text: str) -> list[str]:
    """The words of a line, each as it is written, quotes included; spaces between them are words, too."""
    pieces: list[str] = []
    at = 0
    while at < len(text):
        space = _SPACES.match(text, at)
        if space:
            pieces.append(space.group())
            at = space.end()
            continue
        start = at
        while at < len(text) and not text[at].isspace():
            match = _WORD.match(text, at)
            # A quote that nothing closes: the rest of the line is one word.
            at = len(text) if match is None or match.group() in ('"', "'") else match.end()
        pieces.append(text[start:at])
    return pieces


def unquoted(word: str) -> str:
    """A word without its quotes and backslashes, about as a shell would take it."""
    return re.sub(r"\\(.)|[\"']", lambda match: match.group(1) or "", word)


def command_line(text: str) -> str:
    """A command line as it is written: words that may be shown keep their quotes."""
    pieces = split(text)
    words = [piece for piece in pieces if not piece.isspace()]
    clean = iter(_pairs(words, arguments([unquoted(word) for word in words])))
    return "".join(piece if piece.isspace() else next(clean) for piece in pieces)


def _pairs(words: Sequence[str], clean: Iterable[str]) -> Iterable[str]:
    for word, shown in zip(words, clean):
        if unquoted(word) == shown:
            yield word
        elif len(word) > 1 and word[0] in "\"'" and word[-1] == word[0]:
            yield f"{word[0]}{shown}{word[0]}"
        else:
            yield shown if not re.search(r"\s", shown) else f'"{shown}"'


def assignments(text: str) -> str:
    """The value of a unit's Environment=: `NAME=value` words, some in quotes."""
    pieces = []
    for piece in split(text):
        if piece.isspace():
            pieces.append(piece)
            continue
        bare = unquoted(piece)
        name, equals, value = bare.partition("=")
        shown = variable(name, value) if equals else ""
        if equals and shown == value:
            pieces.append(piece if _VARIABLE.fullmatch(name) else shapes.mask(piece))
        elif equals and _VARIABLE.fullmatch(name):
            pieces.append(f'"{name}={shown}"' if re.search(r"\s", shown) else f"{name}={shown}")
        else:
            pieces.append(shapes.mask(piece))
    return "".join(pieces)
