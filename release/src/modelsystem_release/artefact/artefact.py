"""A build's artefact: the chart with the build's values, version and origin, as one file."""

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ruamel.yaml import YAML

from modelsystem_release import naming
from modelsystem_release.artefact import archive
from modelsystem_release.artefact.archive import Contents
from modelsystem_release.artefact.origin import Origin, of_annotations
from modelsystem_release.values import Values, parse_yaml
from modelsystem_shared import files
from modelsystem_shared.errors import UsageError

CHART, VALUES = "Chart.yaml", "values.yaml"


@dataclass(frozen=True)
class Artefact:
    """A packaged build, as read from its file."""

    path: Path
    sha256: str
    chart: Values
    values: Values = field(repr=False)
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
    def annotations(self) -> dict[str, str]:
        """The annotations of its chart."""
        annotations = self.chart.get("annotations") or {}
        return {str(name): str(text) for name, text in annotations.items()}

    @property
    def origin(self) -> Origin:
        """The commit and the pipeline's run that it was made from."""
        return of_annotations(self.annotations)

    @property
    def description(self) -> str:
        """The text that its Helm release and its tag carry."""
        return f"artefact sha256:{self.sha256}"


def read(path: Path) -> Artefact:
    """Read an artefact.

    Raises:
        UsageError: it is not one.

    """
    contents = archive.unpack(path)
    chart, values = (yaml_in(contents, name, path) for name in (CHART, VALUES))
    build_number(values, path)
    return Artefact(path, files.sha256(path), chart, values, contents)


def make(contents: Contents, annotations: Mapping[str, str], source: Path) -> tuple[str, bytes]:
    """Return the build number and the artefact's bytes.

    contents: the chart's files, with the build's values.
    annotations: what is added to the chart's own annotations.
    source: what messages name.

    Raises:
        UsageError: it is not a chart, or its values have no build number.

    """
    chart = yaml_in(contents, CHART, source)
    build = build_number(yaml_in(contents, VALUES, source), source)
    version = f"0.0.0-b{naming.label('', build)}"  # SemVer: no number with a leading zero
    merged = (chart.get("annotations") or {}) | dict(annotations)
    chart |= {"version": version, "appVersion": build, "annotations": dict(sorted(merged.items()))}
    return build, archive.pack(str(chart["name"]), contents | {CHART: _yaml(chart)})


def yaml_in(contents: Contents, name: str, source: Path) -> Values:
    """Return the map in a YAML file of a chart.

    Raises:
        UsageError: the file is missing, or not a map.

    """
    if name not in contents:
        raise UsageError(f"{source}: not a chart: {name} is missing")
    return parse_yaml(contents[name], f"{source}: {name}")


def build_number(values: Values, source: Path) -> str:
    """Return the build number, a text or a whole number.

    Raises:
        UsageError: it is missing, or a float, which may have lost digits.

    """
    number = (values.get("build") or {}).get("number")
    if type(number) not in (str, int) or number == "":
        raise UsageError(
            f"{source}: build.number is {number!r}: write it in quotes, "
            "as build.number='20180523.5'"
        )
    return str(number)


def _yaml(chart: Values) -> bytes:
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.width = 1 << 30
    yaml.version = (1, 1)  # what Helm reads: a text that looks like a number there is quoted
    stream = io.BytesIO()
    yaml.dump(chart, stream)
    return stream.getvalue().removeprefix(b"%YAML 1.1\n---\n")
