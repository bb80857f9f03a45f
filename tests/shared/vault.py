"""A local server that speaks for Azure Key Vault and Entra ID, since there is no emulator.

Programs reach it at the real URLs, by HTTPS_PROXY, and trust it by REQUESTS_CA_BUNDLE.
"""

import base64
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

LOGIN, VAULT = "login.microsoftonline.com", "team.vault.azure.net"
KEY_URL = f"https://{VAULT}/keys/model-signing"
VERSION = "0123456789abcdef0123456789abcdef"
TENANT, TOKEN = "11111111-2222-3333-4444-555555555555", "an-access-token"
CHALLENGE = f'Bearer authorization="https://{LOGIN}/{TENANT}", resource="https://vault.azure.net"'


def b64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


class Vault:
    """Its key, what it refuses, and what it was asked; `environment`: how programs reach it."""

    def __init__(self, folder: Path, curve: ec.EllipticCurve | None = None) -> None:
        self.key = ec.generate_private_key(curve or ec.SECP256R1())
        self.refused: dict[str, int] = {}  # the status of each method that is refused
        self.requests: list[str] = []
        self.certificate = _certificate(folder)
        assertion = folder / "federated-token"
        assertion.write_text("an-assertion")
        self.environment = {
            "REQUESTS_CA_BUNDLE": str(self.certificate),
            "AZURE_CLIENT_ID": "66666666-7777-8888-9999-000000000000",
            "AZURE_TENANT_ID": TENANT,
            "AZURE_FEDERATED_TOKEN_FILE": str(assertion),
        }

    def answer(self, method: str, host: str, path: str, body: bytes, token: str) -> tuple[int, Any]:
        """Return status and body of an answer."""
        self.requests.append(f"{method} {host}{path}")
        if host == LOGIN:
            return 200, _of_entra(path)
        if token != f"Bearer {TOKEN}":
            return 401, {"error": {"code": "Unauthorized", "message": "no token"}}
        if status := self.refused.get(method):
            return status, {"error": {"code": "Refused", "message": f"{method} is refused"}}
        kid = f"{KEY_URL}/{VERSION}"
        if method == "POST" and path == f"/keys/model-signing/{VERSION}/sign":
            return 200, {"kid": kid, "value": b64url(self._signature(json.loads(body)))}
        if method == "GET" and path in (f"/keys/model-signing/{v}" for v in ("", VERSION)):
            return 200, {"key": {"kid": kid, **self._public()}, "attributes": {"enabled": True}}
        return 404, {"error": {"code": "KeyNotFound", "message": f"no key at {path}"}}

    def _public(self) -> dict[str, object]:
        numbers = self.key.public_key().public_numbers()
        size = -(-self.key.curve.key_size // 8)
        curve = {256: "P-256", 384: "P-384"}[self.key.curve.key_size]
        x, y = (b64url(number.to_bytes(size)) for number in (numbers.x, numbers.y))
        return {"kty": "EC", "crv": curve, "x": x, "y": y, "key_ops": ["sign", "verify"]}

    def _signature(self, request: dict[str, str]) -> bytes:
        """Sign a digest, as ES256 does: r and s, 32 bytes each."""
        assert request["alg"] == "ES256"
        digest = base64.urlsafe_b64decode(request["value"] + "==")
        der = self.key.sign(digest, ec.ECDSA(utils.Prehashed(SHA256())))
        r, s = utils.decode_dss_signature(der)
        return r.to_bytes(32) + s.to_bytes(32)


@contextmanager
def serving(vault: Vault) -> Iterator[Vault]:
    """Serve it on a local port until the end of the context."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(vault.certificate)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        host = ""

        def do_CONNECT(self) -> None:
            self.host = self.path.partition(":")[0]
            self.send_response(200)
            self.end_headers()
            self.connection = context.wrap_socket(self.connection, server_side=True)
            self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb")  # type: ignore[assignment]  # as its makers do
            self.close_connection = False

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            token, path = self.headers.get("Authorization", ""), self.path.partition("?")[0]
            status, document = vault.answer(self.command, self.host, path, body, token)
            content = json.dumps(document).encode()
            self.send_response(status)
            if status == 401:
                self.send_header("WWW-Authenticate", CHALLENGE)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
            self.wfile.flush()

        do_POST = do_GET  # noqa: N815  # as http.server names it

        def finish(self) -> None:
            super().finish()
            self.connection.close()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        vault.environment["HTTPS_PROXY"] = f"http://127.0.0.1:{server.server_port}"
        yield vault
        server.shutdown()
        thread.join()


def _of_entra(path: str) -> dict[str, object]:
    authority = f"https://{LOGIN}/{TENANT}"
    if path.endswith("/token"):
        return {"token_type": "Bearer", "expires_in": 3600, "access_token": TOKEN}
    if path.endswith("/instance"):
        return {"tenant_discovery_endpoint": f"{authority}/v2.0/.well-known/openid-configuration"}
    return {
        "issuer": f"{authority}/v2.0",
        "token_endpoint": f"{authority}/oauth2/v2.0/token",
        "authorization_endpoint": f"{authority}/oauth2/v2.0/authorize",
    }


def _certificate(folder: Path) -> Path:
    """Write a certificate of both hosts, and its key, into one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a test")])
    now = datetime.now(UTC)
    hosts = x509.SubjectAlternativeName([x509.DNSName(host) for host in (LOGIN, VAULT)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=2))
        .not_valid_after(now + timedelta(days=2))
        .add_extension(hosts, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path = folder / "tls.pem"
    path.write_bytes(certificate.public_bytes(Encoding.PEM) + private)
    return path
