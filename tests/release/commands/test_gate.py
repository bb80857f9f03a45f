"""`release gate` where a build cannot be asked; the integration tests have the rest."""

from pathlib import Path

from tests.release.conftest import Release
from tests.release.fake_cluster import Cluster


def test_a_build_that_is_not_up_cannot_be_judged(release: Release, tmp_path: Path) -> None:
    """The gate does not open for it, and its exit code says so."""
    cluster = Cluster(tmp_path / "cluster")
    result = release("gate", "153", "--champion", "none", environ=cluster.environ)
    assert result.code == 8
    assert "153 cannot be judged: kubectl port-forward service/scoring-153" in result.errors
