"""Names of a build's objects, computed as the chart computes them (`_names.tpl`)."""

import hashlib
import re

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_MOST = 63  # characters of a DNS label
_MOST_OF_RELEASE = 53  # Helm's limit
ROUTING = "modelsystem-routing"  # the chart, and its release for builds without a tenant


def label(prefix: str, build: str, tenant: str = "", most: int = _MOST) -> str:
    """Return a DNS label of a build and its tenant.

    Dots become dashes without a mark; whatever else had to be altered or cut ends in a hash of
    the original.
    """
    raw = f"{build}-{tenant}" if tenant else build
    plain = prefix + raw.replace(".", "-")
    if len(plain) <= most and _LABEL.fullmatch(plain):
        return plain
    lower = "".join(character.lower()[0] for character in raw)  # as Helm: one for one, İ too
    mended = re.sub(r"[^a-z0-9]+", "-", lower).strip("-")
    cut = mended[: most - len(prefix) - 9].removesuffix("-")
    digest = hashlib.sha256(raw.encode()).hexdigest()[:8]
    return prefix + "-".join(part for part in (cut, digest) if part)


def release(build: str, tenant: str = "") -> str:
    """Return the name of a build's Helm release."""
    return label("mlrelease-", build, tenant, _MOST_OF_RELEASE)


def routing(tenant: str = "") -> str:
    """Return the name of the Helm release that routes a tenant's builds, or those without one."""
    return label(f"{ROUTING}-", tenant, most=_MOST_OF_RELEASE) if tenant else ROUTING


def service(build: str, tenant: str = "") -> str:
    """Return the name of a build's Service."""
    return label("scoring-", build, tenant)
