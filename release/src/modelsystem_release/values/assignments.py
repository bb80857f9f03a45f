r"""The parameter string: `build.number='20180523.10', env.KEY='k\/w==',replicaCount=3`.

Commas or line breaks separate assignments; blanks around them are ignored. A path is keys with
dots between them; a dot inside a key is written `\.`. A value in single quotes is a string; its
escapes are `\/`, `\'` and `\\`. A value without quotes is YAML: a number, true, false, null, a
plain word, or a list or map in brackets.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from modelsystem_release.values import versions
from modelsystem_shared.errors import UsageError

Keys = tuple[str, ...]
MOST_CHARACTERS = 1 << 20
_BLANK = re.compile(r"[\s,]*")
_PATH = re.compile(r"(?:[^\s=,'\\]|\\.)+")
_KEY = re.compile(r"(?:[^.\\]|\\.)+")
_QUOTED = re.compile(r"'((?:[^'\\]|\\.)*)'", re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_PAIRS = {"[": "]", "{": "}"}


@dataclass(frozen=True)
class Assignment:
    """A value for a path. The value may be a secret, so its repr leaves it out."""

    path: Keys
    value: object = field(repr=False)

    @property
    def name(self) -> str:
        """The path as people write it, such as `env.TENANTID`."""
        return dotted(self.path)


def dotted(path: Keys) -> str:
    """Return a path as people write it."""
    return ".".join(key.replace("\\", "\\\\").replace(".", "\\.") for key in path)


def parse_assignments(text: str) -> list[Assignment]:
    """Read a parameter string.

    Raises:
        UsageError: it is malformed; the sentence names the path or the character, never a value.

    """
    if len(text) > MOST_CHARACTERS:
        raise UsageError(f"assignments: more than {MOST_CHARACTERS:,} characters")
    assignments, at = [], _end(_BLANK, text, 0)
    while at < len(text):
        path, at = _path(text, at)
        value, at = _value(text, at, dotted(path))
        assignments.append(Assignment(path, value))
        after = _end(_BLANK, text, at)
        if after < len(text) and not re.search(r"[,\n]", text[at:after]):
            raise UsageError(f"{dotted(path)}: missing comma after it, at character {at + 1}")
        at = after
    return assignments


def from_environment(pair: str, environ: Mapping[str, str]) -> Assignment:
    """Read `path=VARIABLE`: the variable's value, always as a string.

    Raises:
        UsageError: it is not such a pair, or the variable is not set.

    """
    path, _, variable = pair.partition("=")
    if not variable or not _PATH.fullmatch(path):
        raise UsageError(f"--from-env {path}: write path=VARIABLE")
    if variable not in environ:
        raise UsageError(f"--from-env {path}: environment variable {variable} is not set")
    return Assignment(parse_path(path), _checked(environ[variable], path))


def parse_path(text: str) -> Keys:
    """Read keys with dots between them.

    Raises:
        UsageError: a key is empty.

    """
    keys = _KEY.findall(text)
    if not keys or re.sub(r"\\.", "", text).count(".") != len(keys) - 1:
        raise UsageError(f"{text!r} is not a path: write keys with one dot between them")
    return tuple(_ESCAPE.sub(r"\1", key) for key in keys)


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    match = pattern.match(text, at)
    return match.end() if match else at


def _path(text: str, at: int) -> tuple[Keys, int]:
    match = _PATH.match(text, at)
    if not match:
        raise UsageError(f"assignments: no path at character {at + 1}")
    equals = _end(re.compile(r"[ \t]*=[ \t]*"), text, match.end())
    if equals == match.end():
        raise UsageError(f"{match[0]}: missing '=' after it, at character {equals + 1}")
    return parse_path(match[0]), equals


def _value(text: str, at: int, name: str) -> tuple[object, int]:
    if text.startswith("'", at):
        match = _QUOTED.match(text, at)
        if not match:
            raise UsageError(f"{name}: the quote at character {at + 1} is not closed")
        value = _ESCAPE.sub(lambda escape: _escaped(escape, name), match[1])
        return _checked(value, name), match.end()
    end = _end_of_yaml(text, at)
    return _yaml(text[at:end].strip(), name), end


def _escaped(escape: re.Match[str], name: str) -> str:
    if escape[1] not in "/'\\":
        raise UsageError(rf"{name}: \{escape[1]} is not an escape; escapes are \/, \' and \\")
    return escape[1]


def _checked(value: str, name: str) -> str:
    """Return the value if an environment variable can hold it."""
    if "\0" in value or any("\ud800" <= c <= "\udfff" for c in value):
        raise UsageError(f"{name}: the value has a NUL character, or bytes that are not UTF-8")
    return value


def _end_of_yaml(text: str, at: int) -> int:
    """Return the place of the next comma or line break outside of brackets and quotes."""
    closing: list[str] = []
    quote = ""
    for place in range(at, len(text)):
        c = text[place]
        if quote:
            quote = "" if c == quote else quote
        elif c in "\"'" and closing:
            quote = c
        elif c in _PAIRS:
            closing.append(_PAIRS[c])
        elif closing and c == closing[-1]:
            closing.pop()
        elif not closing and c in ",\n":
            return place
    return len(text)


def _yaml(text: str, name: str) -> object:
    try:
        value: object = YAML(typ="safe", pure=True).load(text)
    except YAMLError as error:
        raise UsageError(f"{name}: the value is not YAML; put it in quotes") from error
    if type(value) in (int, float) and str(value) != text:
        raise UsageError(f"{name}: as a number {text} would become {value}; write {name}='{text}'")
    if isinstance(value, list | dict) and any(
        versions.differing(value, versions.load(text, "1.1"))
    ):
        raise UsageError(f"{name}: {versions.CURE}, such as '0123' or 'on'")
    if not isinstance(value, bool | int | float | str | list | dict | None):
        raise UsageError(f"{name}: {text} would become a {type(value).__name__}; put it in quotes")
    return value
