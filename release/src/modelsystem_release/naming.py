"""Names of a build's objects, computed as the chart computes them (`_names.tpl`)."""

import hashlib
import re

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_MOST = 63  # characters of a DNS label
_MOST_OF_RELEASE = 53  # Helm's limit


def label(prefix: str, build: str, tenant: str = "", most: int = _MOST) -> str:
    """Return a DNS label of a build and its tenant.

    Dots become dashes without a mark; whatever else had to be altered or cut ends in a hash of
    the original.
    """
    raw = f"{build}-{tenant}" if tenant else build
    plain = prefix + raw.replace(".", "-")
    if len(plain) <= most and _LABEL.fullmatch(plain):
        return plain
    mended = re.sub(r"[^a-z0-9]+", "-", raw.lower()).strip("-")
    cut = mended[: most - len(prefix) - 9].removesuffix("-")
    digest = hashlib.sha256(raw.encode()).hexdigest()[:8]
    return prefix + "-".join(part for part in (cut, digest) if part)


def release(build: str, tenant: str = "") -> str:
    """Return the name of a build's Helm release."""
    return label("mlrelease-", build, tenant, _MOST_OF_RELEASE)


def service(build: str, tenant: str = "") -> str:
    """Return the name of a build's Service."""
    return label("scoring-", build, tenant)
