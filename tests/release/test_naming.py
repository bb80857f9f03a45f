"""Names of a build's objects."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelsystem_release import naming


@pytest.mark.parametrize(
    ("build", "tenant", "name"),
    [
        ("13", "", "mlrelease-13"),
        ("20180523.5", "", "mlrelease-20180523-5"),
        ("20180523.5", "acme", "mlrelease-20180523-5-acme"),
    ],
)
def test_the_name_of_a_release(build: str, tenant: str, name: str) -> None:
    """Dots become dashes without a mark."""
    assert naming.release(build, tenant) == name


@given(st.text(min_size=1, max_size=80), st.text(max_size=40))
def test_any_build_has_a_valid_name(build: str, tenant: str) -> None:
    """A DNS label within Helm's limit, for any text."""
    name = naming.release(build, tenant)
    assert re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", name)
    assert len(name) <= 53


def test_altered_names_differ() -> None:
    """Two builds whose names are altered to the same text have different hashes."""
    assert naming.service("Feature_X") != naming.service("feature-x")
    assert naming.service("a" * 80) != naming.service("a" * 81)


def test_the_routing_release_of_a_tenant_has_a_name_that_helm_takes() -> None:
    """It is called after its tenant; a GUID is cut, as it would exceed Helm's 53 characters."""
    assert naming.routing() == "modelsystem-routing"
    assert naming.routing("acme") == "modelsystem-routing-acme"
    name = naming.routing("1e8b7415-7c2e-e411-80bb-00155d5369ef")
    assert re.fullmatch(r"modelsystem-routing-1e8b7415-7c2e-e411-80bb-[0-9a-f]{8}", name)
