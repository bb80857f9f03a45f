"""The fake cluster is changed by tests while the tool looks at it."""

import subprocess
import threading
from pathlib import Path

from tests.release.fake_cluster import Cluster

CHANGES = 300


def test_calls_and_changes_do_not_meet(tmp_path: Path) -> None:
    """No call reads half a state, and no change is lost to another."""
    cluster = Cluster(tmp_path / "cluster")
    cluster.change(objects=[{"kind": "Secret", "metadata": {"name": "large"}, "data": "x" * 10**5}])

    def install() -> None:
        for number in range(CHANGES):
            cluster.install(f"by-test-{number}")

    other = threading.Thread(target=install)
    other.start()
    calls = 0
    while other.is_alive() or not calls:
        helm = ["helm", "upgrade", "--install", f"by-tool-{calls}", "chart"]
        ended = subprocess.run(helm, env=cluster.environ, capture_output=True, check=False)
        assert ended.returncode == 0, ended.stderr
        calls += 1
    other.join()
    assert len(cluster.state["releases"]) == CHANGES + calls
