"""A build's artefact: the chart with this build's values, version and origin, as one file."""

import hashlib
import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from modelsystem_release import naming
from modelsystem_release.artefact import archive
from modelsystem_release.artefact.archive import Contents
from modelsystem_release.artefact.origin import Origin, of_annotations
from modelsystem_release.errors import UsageError
from modelsystem_shared import files

_CHART, _VALUES = "Chart.yaml", "values.yaml"


@dataclass(frozen=True)
class Artefact:
    """A packaged build, read."""

    path: Path
    sha256: str
    chart: dict[str, Any]
    values: dict[str, Any] = field(repr=False)
    contents: Contents = field(repr=False)

    @property
    def build(self) -> str:
        """The build number."""
        return str(self.values["build"]["number"])

    @property
    def tenant(self) -> str:
        """The tenant, or an empty text."""
        return str((self.values.get("env") or {}).get("TENANTID") or "")

    @property
    def release(self) -> str:
        """The name of its Helm release."""
        return naming.release(self.build, self.tenant)

    @property
    def origin(self) -> Origin:
        """Where it comes from."""
        return of_annotations(self.chart.get("annotations") or {})


def read(path: Path) -> Artefact:
    """Read an artefact.

    Raises:
        UsageError: it is none.

    """
    _, contents = archive.unpack(path)
    chart, values = (mapping(contents, name, path) for name in (_CHART, _VALUES))
    build_number(values, path)
    return Artefact(path, files.sha256(path), chart, values, contents)


def make(contents: Contents, annotations: dict[str, str], where: Path) -> tuple[str, bytes]:
    """Return the build number and the artefact's bytes.

    contents: the chart's files, its values those of the build.
    annotations: what is told of the build beside what the chart has.

    Raises:
        UsageError: it is no chart, or there is no build number among the values.

    """
    chart = mapping(contents, _CHART, where)
    build = build_number(mapping(contents, _VALUES, where), where)
    version = f"0.0.0-b{naming.label('', build)}"  # SemVer: no number with a leading zero
    chart |= {"version": version, "appVersion": build}
    told = (chart.get("annotations") or {}) | annotations
    chart["annotations"] = dict(sorted(told.items()))
    return build, archive.pack(str(chart["name"]), contents | {_CHART: _yaml(chart)})


def digest(content: bytes) -> str:
    """Return the SHA-256 in hex."""
    return hashlib.sha256(content).hexdigest()


def mapping(contents: Contents, name: str, where: Path) -> dict[str, Any]:
    """Return a YAML file's map.

    Raises:
        UsageError: it is missing or none.

    """
    try:
        found = YAML(typ="safe", pure=True).load(contents[name])
    except KeyError:
        raise UsageError(f"{where}: is no chart: there is no {name}") from None
    except YAMLError as error:
        raise UsageError(f"{where}: {name} is not YAML") from error
    if not isinstance(found, dict):
        raise UsageError(f"{where}: {name} is not a map")
    return found


def build_number(values: dict[str, Any], where: Path) -> str:
    """Return the build number, a text or a whole number.

    Raises:
        UsageError: there is none, or it is a float, which may have lost digits.

    """
    number = (values.get("build") or {}).get("number")
    if type(number) not in (str, int) or number == "":
        raise UsageError(
            f"{where}: build.number is {number!r}: write it in quotes, as build.number='20180523.5'"
        )
    return str(number)


def _yaml(chart: dict[str, Any]) -> bytes:
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.width = 1 << 30
    yaml.version = (1, 1)  # what Helm reads: a text that looks like a number there is quoted
    stream = io.BytesIO()
    yaml.dump(chart, stream)
    return stream.getvalue().removeprefix(b"%YAML 1.1\n---\n")


def checksum(artefact: Artefact) -> str:
    """Return what people and records call it by."""
    return f"sha256:{artefact.sha256}"
