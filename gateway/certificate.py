"""A certificate authority of the hub's own, for a broker whose owner brings no certificate."""

import ipaddress
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from devices.errors import HubError

_CA_DAYS: Final = 3650
_SERVER_DAYS: Final = 825
"""The longest that common TLS clients accept."""
_RENEW_S: Final = 90 * 86_400
"""A certificate that ends sooner is made anew."""
_CURVE: Final = "prime256v1"
"""P-256: sensors' TLS stacks know it, and a handshake costs the broker a tenth of RSA's, which
counts when all sensors come back at once."""


class CertificateError(HubError):
    """OpenSSL could not make a certificate.

    Attributes:
        reason: in OpenSSL's words.
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(
            f"No certificate could be made: {reason}. Install openssl, or bring a certificate "
            f"with --cert, --key and --ca"
        )


@dataclass(frozen=True, slots=True)
class Certificate:
    """Files of a TLS server, PEM."""

    certificate: Path
    key: Path
    ca: Path


def make_certificate(folder: Path, hostname: str, *others: str) -> Certificate:
    """The certificate of `hostname` in `folder`, signed by the authority that stands there too.

    A certificate that is for all these names and good for three months more is kept; otherwise
    there is a new one of the same authority, which sensors trust already.

    Args:
        folder: holds ca.crt, ca.key, server.crt and server.key.
        hostname: name or address by which sensors find the server.
        others: its other names.

    Raises:
        CertificateError: openssl is missing or refuses.
    """
    ca, ca_key = folder / "ca.crt", folder / "ca.key"
    made = Certificate(folder / "server.crt", folder / "server.key", ca)
    if not (ca.exists() and ca_key.exists()):
        _new_key(ca_key)
        _openssl(
            *("req", "-x509", "-new", "-key", ca_key, "-sha256", "-days", _CA_DAYS),
            *("-subj", "/CN=kotahub broker authority"),
            *("-addext", "keyUsage=critical,keyCertSign,cRLSign", "-out", ca),
        )
        made.certificate.unlink(missing_ok=True)
    if not made.key.exists():
        _new_key(made.key)
        made.certificate.unlink(missing_ok=True)
    names = tuple(dict.fromkeys((hostname, *others)))
    if not made.certificate.exists() or not _serves(made.certificate, names):
        _sign(made, ca_key, names)
    return made


def _serves(certificate: Path, names: tuple[str, ...]) -> bool:
    """Whether it is for all names, and not about to end."""
    text = _openssl("x509", "-in", certificate, "-noout", "-ext", "subjectAltName")
    parts = text.replace("IP Address:", "IP:").replace("\n", ",").split(",")
    ends = _answers("x509", "-in", certificate, "-noout", "-checkend", _RENEW_S)
    return ends and {part.strip() for part in parts}.issuperset(map(_alternative_name, names))


def _sign(made: Certificate, ca_key: Path, names: tuple[str, ...]) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        request, extensions = Path(scratch) / "server.csr", Path(scratch) / "server.ext"
        # The name stands in the alternative names; the subject holds at most 64 characters.
        _openssl(
            *("req", "-new", "-key", made.key, "-sha256", "-subj", "/CN=kotahub broker"),
            *("-out", request),
        )
        extensions.write_text(
            f"subjectAltName={','.join(map(_alternative_name, names))}\n"
            "basicConstraints=critical,CA:FALSE\n"
            "keyUsage=critical,digitalSignature\n"
            "extendedKeyUsage=serverAuth\n"
        )
        _openssl(
            *("x509", "-req", "-in", request, "-CA", made.ca, "-CAkey", ca_key),
            *("-CAcreateserial", "-CAserial", Path(scratch) / "serial", "-sha256"),
            *("-days", _SERVER_DAYS, "-extfile", extensions, "-out", made.certificate),
        )


def _alternative_name(hostname: str) -> str:
    try:
        return f"IP:{ipaddress.ip_address(hostname)}"
    except ValueError:
        return f"DNS:{hostname}"


def _new_key(path: Path) -> None:
    # Made before OpenSSL writes into it, so that nobody else can read it at any instant.
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
    _openssl(
        *("genpkey", "-algorithm", "EC", "-pkeyopt", f"ec_paramgen_curve:{_CURVE}", "-out", path),
    )


def _openssl(*arguments: str | int | Path) -> str:
    done = _run(*arguments)
    if done.returncode:
        raise CertificateError(done.stderr.strip().splitlines()[-1])
    return done.stdout


def _answers(*arguments: str | int | Path) -> bool:
    """Whether OpenSSL says yes to a question."""
    return _run(*arguments).returncode == 0


def _run(*arguments: str | int | Path) -> subprocess.CompletedProcess[str]:
    program = shutil.which("openssl")
    if program is None:
        raise CertificateError("the program openssl is not installed")
    return subprocess.run(  # noqa: S603 - our own arguments
        [program, *map(str, arguments)], capture_output=True, text=True, check=False
    )
