"""Settings from environment variables, read once into a frozen dataclass.

A workload declares its settings as fields made by `variable`. `read` reports all faults at once,
each with the name of its variable and never with a secret's value.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from modelsystem_shared import parsers
from modelsystem_shared.errors import SettingsError
from modelsystem_shared.parsers import Parser, Secret

if TYPE_CHECKING:
    from modelsystem_shared.signing import TrustedKeys

S = TypeVar("S", bound="Settings")
Values = Mapping[str, Any]  # by variable; Any: each parser has a type of its own
REQUIRED = object()


class _Malformed:
    """Stands for a value that is set but malformed: it is false, and not None."""

    def __bool__(self) -> bool:
        return False


MALFORMED = _Malformed()


@dataclass(frozen=True)
class Variable:
    """One environment variable: its name, its parser, its help and its default."""

    name: str
    parse: Parser
    help: str
    default: object
    shapes_model: bool

    @property
    def is_secret(self) -> bool:
        """Whether the value must not be shown."""
        return self.parse is Secret


def variable(
    name: str, parse: Parser, help: str, default: object = REQUIRED, *, shapes_model: bool = False
) -> Any:  # Any: the value of a dataclass field, as dataclasses.field returns it
    """Declare a dataclass field that is read from environment variable `name`.

    shapes_model: whether two builds need the same value to be the same model.
    """
    described = Variable(name, parse, help, default, shapes_model)
    return field(kw_only=True, metadata={"variable": described})


@dataclass(frozen=True)
class Settings:
    """The settings of every workload."""

    model_folder: Path = variable(
        "MODELFOLDER",
        parsers.folder,
        "the folder of this build's model, by convention `<mount path>/<build number>`",
    )
    log_format: str = variable(
        "LOG_FORMAT",
        parsers.choice("auto", "json", "text"),
        "`json`: one JSON object a line; `text`: for people; `auto`: text on a terminal, else json",
        "auto",
    )

    @classmethod
    def contradictions(cls, values: Values) -> Iterator[str]:
        """Yield contradictions between variables; a malformed variable's value is MALFORMED."""
        yield from ()


@dataclass(frozen=True)
class ReaderSettings(Settings):
    """The settings of every workload that reads a published model."""

    tenant: str | None = variable(
        "TENANTID",
        parsers.text,
        "the tenant that the model must be of; if not set, a model of BUILDNUMBER must be of none",
        None,
    )
    trusted_keys: "TrustedKeys | None" = variable(
        "TRUSTED_KEYS",
        parsers.trusted_keys,
        "a PEM file of public keys, or a folder of such files: a model that none of them has "
        "signed is refused; if not set, signatures are not checked",
        None,
    )


def variables(cls: type[Settings]) -> list[Variable]:
    """List the variables of a settings class, in the order of declaration."""
    return [f.metadata["variable"] for f in fields(cls)]


def read(cls: type[S], environ: Mapping[str, str]) -> S:
    """Make `cls` from `environ`.

    Raises:
        SettingsError: with all faults, each with the name of its variable.

    """
    problems: list[str] = []
    values: Values = {v.name: _value(v, environ, problems) for v in variables(cls)}
    problems += cls.contradictions(values)
    if problems:
        raise SettingsError(problems)
    return cls(**{f.name: values[f.metadata["variable"].name] for f in fields(cls)})


def shaping(settings: Settings) -> dict[str, object]:
    """Return the settings that shape the model, by variable name."""
    marked = [f for f in fields(settings) if f.metadata["variable"].shapes_model]
    return {f.metadata["variable"].name: getattr(settings, f.name) for f in marked}


def _value(v: Variable, environ: Mapping[str, str], problems: list[str]) -> object:
    raw = parsers.unquoted(environ.get(v.name, ""))
    if not raw:
        if v.default is REQUIRED:
            problems.append(f"{v.name} is not set: {v.help}")
            return None
        return v.default
    try:
        return v.parse(raw)
    except ValueError as error:
        hidden = v.is_secret or v.parse is parsers.url  # a URL can hold a password or signature
        shown = "its value (not shown)" if hidden else repr(raw[:80])
        problems.append(f"{v.name}: {shown} {error}")
        return MALFORMED
