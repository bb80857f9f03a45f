"""`release values`, run as a program."""

import json
from pathlib import Path

import pytest
from ruamel.yaml import YAML
from tests.release.conftest import Release
from tests.release.values.test_assignments import SEED, read

SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["env"],
    "properties": {
        "build": {
            "type": "object",
            "additionalProperties": False,
            "properties": {"number": {"type": ["string", "integer"], "description": "quote it"}},
        },
        "env": {"type": "object", "additionalProperties": {"type": "string"}},
    },
}


@pytest.fixture
def chart(tmp_path: Path) -> Path:
    """Return a chart with a closed schema."""
    folder = tmp_path / "chart"
    (folder / "templates").mkdir(parents=True)
    (folder / "Chart.yaml").write_text("apiVersion: v2\nname: sample\nversion: 0.0.0\n")
    (folder / "values.yaml").write_text("# The build.\nbuild:\n  number: ''\n")
    (folder / "values.schema.json").write_text(json.dumps(SCHEMA))
    return folder


def test_the_seeds_string_makes_a_file_and_shows_no_key(release: Release, tmp_path: Path) -> None:
    """The file has every value; what is printed masks the key, as a table and as JSON."""
    result = release("values", "--file", "values.yaml", SEED)
    assert result.code == 0, result.errors
    written = YAML(typ="safe").load(tmp_path / "values.yaml")
    assert {f"{a}.{b}": value for a, part in written.items() for b, value in part.items()} == (
        read(SEED)
    )
    as_json = release("values", "--file", "values.yaml", SEED, "--output", "json")
    assert as_json.json["env"]["BLOB_STORAGE_KEY"] == "***"
    for shown in (result, as_json):
        assert "k==" not in shown.output + shown.errors


def test_a_copy_is_edited_and_the_chart_is_not(
    release: Release, chart: Path, tmp_path: Path
) -> None:
    """`--chart --into`: no per-build value gets into the tree, and a copy is never overwritten."""
    before = (chart / "values.yaml").read_bytes()
    call = ("values", "--chart", "chart", "--into", "build/152", "build.number='152'")
    assert release(*call).code == 0
    assert (chart / "values.yaml").read_bytes() == before
    copied = tmp_path / "build" / "152"
    assert (copied / "values.yaml").read_text() == '# The build.\nbuild:\n  number: "152"\n'
    assert (copied / "Chart.yaml").exists()
    again = release(*call)
    assert again.code == 2
    assert "exists: a build never changes" in again.errors


def test_a_dry_run_writes_nothing(release: Release, chart: Path) -> None:
    """It prints the result."""
    before = (chart / "values.yaml").read_bytes()
    result = release("values", "--file", "chart/values.yaml", "build.number='152'", "--dry-run")
    assert 'number: "152"' in result.output
    assert (chart / "values.yaml").read_bytes() == before


def test_secrets_need_not_be_arguments(release: Release, tmp_path: Path) -> None:
    """They come from standard input or from the environment."""
    result = release(
        *("values", "--file", "values.yaml", "a='b'", "--stdin"),
        *("--from-env", "env.BLOB_STORAGE_KEY=MY_KEY"),
        stdin="storage.password='geheim'\n",
        environ={"MY_KEY": "k=='\\"},
    )
    assert result.code == 0, result.errors
    assert "geheim" not in result.output
    assert YAML(typ="safe").load(tmp_path / "values.yaml") == {
        "a": "b",
        "storage": {"password": "geheim"},
        "env": {"BLOB_STORAGE_KEY": "k=='\\"},
    }


@pytest.mark.parametrize(
    ("assignment", "fault"),
    [
        (
            "build.numbr='152'",
            "build.numbr: the chart has no such value; did you mean build.number",
        ),
        ("build.number=1.5", 'build.number: must have type ["string", "integer"] (quote it)'),
        ("env.BLOB_STORAGE_KEY=12345", 'env.BLOB_STORAGE_KEY: must have type "string"'),
    ],
)
def test_the_schema_of_the_chart_is_checked(
    release: Release, chart: Path, assignment: str, fault: str
) -> None:
    """An unknown key or a wrong type is refused with its cure, and nothing is written."""
    before = (chart / "values.yaml").read_bytes()
    result = release("values", "--file", "chart/values.yaml", assignment)
    assert result.code == 2
    assert fault in result.errors
    assert "12345" not in result.errors
    assert (chart / "values.yaml").read_bytes() == before


def test_an_unknown_key_can_be_accepted(release: Release, chart: Path) -> None:
    """`--allow-new` is for a chart that is ahead of its schema."""
    result = release("values", "--file", "chart/values.yaml", "more.x='1'", "--allow-new")
    assert result.code == 0, result.errors
    assert "more:" in (chart / "values.yaml").read_text()


def test_the_mode_of_a_file_stays(release: Release, tmp_path: Path) -> None:
    """A file that holds a key may be readable to its owner only."""
    path = tmp_path / "values.yaml"
    path.write_text("a: 1\n")
    path.chmod(0o600)
    release("values", "--file", "values.yaml", "b='c'")
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "arguments",
    [(), ("a='b'",), ("--file", "x", "--into", "y", "a='b'"), ("--chart", "none", "a='b'")],
)
def test_missing_arguments_are_named(release: Release, arguments: tuple[str, ...]) -> None:
    """One sentence, and exit code 2."""
    result = release("values", *arguments)
    assert result.code == 2
    assert result.errors.startswith("release: ")
    assert len(result.errors.splitlines()) == 1


def test_in_brief_only_what_was_assigned_is_printed(release: Release) -> None:
    """In the log of a pipeline the chart's defaults would hide it; secrets are masked here, too."""
    result = release(
        "values", "--file", "values.yaml", "a.b='c',env.BLOB_STORAGE_KEY='k=='", "--brief"
    )
    assert result.output.splitlines()[1:] == [
        "a.b                   c",
        "env.BLOB_STORAGE_KEY  ***",
    ]
