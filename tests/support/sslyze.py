"""sslyze, the judge of TLS set-ups, in a virtual environment of its own.

It pins an older `cryptography` than ours.  The environment is made on demand in the root of the
checkout, once for all processes that ask for it.
"""

import asyncio
import fcntl
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv-sslyze"
PINS = ROOT / "requirements" / "sslyze.txt"
PATIENCE_S = 100


def install() -> Path:
    """Return the command, installing it first where it is missing; skip if that cannot be."""
    VENV.mkdir(exist_ok=True)
    command, stamp = VENV / "bin" / "sslyze", VENV / ".pins"
    with (VENV / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.is_file() or stamp.read_text() != PINS.read_text():
            subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
            pip = [str(VENV / "bin" / "python"), "-m", "pip", "install", "--quiet"]
            done = subprocess.run(
                [*pip, "-r", str(PINS)], check=False, capture_output=True, text=True
            )
            if done.returncode:
                pytest.skip(f"sslyze cannot be installed: {done.stderr[-300:]}")
            stamp.write_text(PINS.read_text())
    return command


@dataclass(frozen=True)
class Verdict:
    """What sslyze says of a server."""

    compliant: bool
    text: str


# Mozilla's guideline 6.0, profile modern (ssl-config.mozilla.org); sslyze brings 5.7.
MODERN_6_0: dict[str, object] = {
    "certificate_curves": ["prime256v1", "secp384r1"],
    "certificate_signatures": ["ecdsa-with-SHA256", "ecdsa-with-SHA384", "ecdsa-with-SHA512"],
    "certificate_types": ["ecdsa"],
    "ciphers": {"caddy": [], "go": [], "iana": [], "openssl": []},
    "ciphersuites": [
        "TLS_AES_128_GCM_SHA256",
        "TLS_AES_256_GCM_SHA384",
        "TLS_CHACHA20_POLY1305_SHA256",
    ],
    "dh_param_size": None,
    "ecdh_param_size": 256,
    "hsts_min_age": 63072000,
    "maximum_certificate_lifespan": 90,
    "ocsp_staple": True,
    "oldest_clients": [],
    "recommended_certificate_lifespan": 90,
    "rsa_key_size": None,
    "server_preferred_order": False,
    "tls_curves": ["X25519MLKEM768", "X25519", "prime256v1", "secp384r1"],
    "tls_versions": ["TLSv1.3"],
}


async def judge(port: int, profile: str | Path, ca: Path, *options: str) -> Verdict:
    """Return the verdict on localhost:*port* against a *profile*: Mozilla's, or one in a file."""
    against = (
        ("--custom_tls_config", str(profile))
        if isinstance(profile, Path)
        else (f"--mozilla_config={profile}",)
    )
    process = await asyncio.create_subprocess_exec(
        await asyncio.to_thread(install),
        *(*against, "--certinfo_ca_file", str(ca), *options),
        f"localhost:{port}",
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    output, _ = await asyncio.wait_for(process.communicate(), PATIENCE_S)
    text = output.decode().partition("COMPLIANCE AGAINST TLS CONFIGURATION")[2]
    return Verdict(process.returncode == 0 and "OK - Compliant" in text, text)
