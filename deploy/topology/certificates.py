"""A throw-away authority and the certificates that it signs: keepers speak TLS to the other data center with them."""

import subprocess
from pathlib import Path

DAYS = "30"
KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]


def make(directory: Path, names: list[str], host: str) -> None:
    """ca.crt, and <name>.crt and <name>.key for each; what is there already stays."""
    directory.mkdir(parents=True, exist_ok=True)
    if not (directory / "ca.crt").exists():
        _openssl(directory, ["-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=penstock demo authority"])
    for name in names:
        if not (directory / f"{name}.crt").exists():
            _openssl(directory, ["-keyout", f"{name}.key", "-out", f"{name}.crt", "-subj", f"/CN={name}",
                                 "-addext", f"subjectAltName=IP:{host}", "-addext", "basicConstraints=critical,CA:FALSE",
                                 "-CA", "ca.crt", "-CAkey", "ca.key"])


def _openssl(directory: Path, what: list[str]) -> None:
    subprocess.run(["openssl", "req", "-x509", *KEY, "-days", DAYS, *what], cwd=directory, check=True,
                   stdin=subprocess.DEVNULL, capture_output=True)
