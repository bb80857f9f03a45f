"""Clients that well-known generators make of the document: no warning, typed, and they work."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.integration.conftest import get

ROOT = Path(__file__).parents[2]
ASKS = Path(__file__).with_name("clients")
GENERATOR = ROOT / ".tools" / "generator" / "bin"
TYPESCRIPT = ROOT / ".tools" / "typescript"
PACKAGES = ["openapi-typescript@7.13.0", "openapi-fetch@0.17.0", "typescript@5.9.3"]
USER = "learner-1"
# A plot is text, which the generator knows of no type but text/...; nothing is to be formatted.
CONFIGURATION = {"post_hooks": [], "content_type_overrides": {"image/svg+xml": "text/html"}}
COMPILER = ["--strict", "--target", "es2022", "--module", "nodenext"]


def run(*command: object, folder: Path) -> str:
    """Run a program that must succeed, and return its output."""
    done = subprocess.run(
        list(map(str, command)), cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]
    return done.stdout


@pytest.fixture
def python_program(site: str, tmp_path: Path) -> list[object]:
    """Generate a Python client, check its types, and return the program that asks by it."""
    if not GENERATOR.exists():
        pytest.skip("run `make .tools/generator/.installed`")
    (tmp_path / "configuration.json").write_text(json.dumps(CONFIGURATION))
    options = ["--meta=none", "--output-path=generated", "--config=configuration.json"]
    generate = [GENERATOR / "openapi-python-client", "generate", "--fail-on-warning", *options]
    run(*generate, "--url", f"{site}/openapi.json", folder=tmp_path)
    shutil.copy(ASKS / "ask.py", tmp_path)
    run(GENERATOR / "mypy", "--strict", "ask.py", "generated", folder=tmp_path)
    return [GENERATOR / "python", "ask.py"]


@pytest.fixture
def typescript_program(site: str, tmp_path: Path) -> list[object]:
    """Generate TypeScript types, compile a program with them, and return it."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if not (npm and node):
        pytest.skip("openapi-typescript needs Node: there is no node or no npm on the PATH")
    if not (TYPESCRIPT / "node_modules" / ".bin" / "tsc").exists():
        quiet = ["--no-save", "--no-audit", "--no-fund", "--loglevel=error"]
        run(npm, "install", "--prefix", TYPESCRIPT, *quiet, *PACKAGES, folder=ROOT)
    (tmp_path / "node_modules").symlink_to(TYPESCRIPT / "node_modules")
    (tmp_path / "package.json").write_text('{"type": "module"}')
    shutil.copy(ASKS / "ask.ts", tmp_path)
    programs = tmp_path / "node_modules" / ".bin"
    options = ["--output", "generated.d.ts", "--default-non-nullable=false"]
    run(programs / "openapi-typescript", f"{site}/openapi.json", *options, folder=tmp_path)
    run(programs / "tsc", *COMPILER, "ask.ts", folder=tmp_path)
    return [node, "ask.js"]


@pytest.mark.parametrize("language", ["python", "typescript"])
def test_a_generated_client_gets_answers(
    request: pytest.FixtureRequest, site: str, tmp_path: Path, language: str
) -> None:
    """What the client has read is what the site has sent, for good answers and for errors."""
    program = request.getfixturevalue(f"{language}_program")
    answers: dict[str, Any] = json.loads(run(*program, site, USER, folder=tmp_path))
    by_user = {"user_id": USER, "k": 5, "explain": True}
    assert answers["by_user"] == get(f"{site}/v1/recommendations", by_user)
    assert answers["path"] == get(f"{site}/v1/users/{USER}/recommendations?k=5")
    best = answers["path"]["items"][0]["item_id"]
    by_items = {"items": [best, {"item_id": best, "weight": 2}]}
    assert answers["by_items"] == get(f"{site}/v1/recommendations", by_items)
    assert answers["similar"] == get(f"{site}/v1/items/{best}/similar?k=3")
    assert answers["found"] == get(f"{site}/v1/items?q={best}&k=1")
    to_score = {"user_id": USER, "candidates": [best, "no such item"]}
    assert answers["scores"] == get(f"{site}/v1/scores", to_score)
    first, second = answers["batch"]["answers"]
    assert first == {"answer": answers["by_user"], "error": None}
    assert second["error"]["detail"] == "body: user_id or items is required"
    items = [item["item_id"] for item in answers["path"]["items"]]
    assert answers["inferred"]["outputs"][0]["data"] == items
    assert answers["unknown"]["detail"] == "item_id: not in the model"
    assert answers["refused"]["errors"] == [{"field": "k", "message": "must be at most 1000"}]
