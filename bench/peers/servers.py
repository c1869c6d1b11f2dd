"""The peers as processes: FastAPI under uvicorn, and nginx with a static answer, both over TLS."""

import os
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
VENV = HERE.parents[1] / ".venv-bench"
PINS = HERE.parents[1] / "requirements" / "bench.txt"

NGINX = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  keepalive_requests 100000000;
  server {{
    listen 127.0.0.1:{port} ssl; ssl_protocols TLSv1.2 TLSv1.3;
    ssl_certificate {chain}; ssl_certificate_key {key};
    location / {{ default_type application/json; return 200 '{{"result":3.0}}'; }}
  }}
}}
"""


TWO = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  keepalive_requests 100000000;
  upstream behind {{ server 127.0.0.1:{behind}; keepalive 64; keepalive_requests 100000000; }}
  server {{
    listen 127.0.0.1:{port} ssl; ssl_protocols TLSv1.2 TLSv1.3;
    ssl_certificate {chain}; ssl_certificate_key {key};
    location / {{
      proxy_pass https://behind; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_ssl_protocols TLSv1.3; proxy_ssl_verify on; proxy_ssl_verify_depth 3;
      proxy_ssl_trusted_certificate {root}; proxy_ssl_name {name}; proxy_ssl_server_name on;
      proxy_ssl_certificate {client}; proxy_ssl_certificate_key {client_key};
    }}
  }}
}}
"""
STATIC = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  keepalive_requests 100000000;
  server {{
    listen 127.0.0.1:{port} ssl; ssl_protocols TLSv1.3;
    ssl_certificate {chain}; ssl_certificate_key {key};
    ssl_client_certificate {root}; ssl_verify_client on; ssl_verify_depth 3;
    location / {{ default_type application/json; return 200 '{{"result":3.0}}'; }}
  }}
}}
"""


@dataclass(frozen=True)
class Pems:
    """Files of two hops: what clients see, what is behind it, and what is shown to that."""

    api: tuple[Path, Path]
    compute: tuple[Path, Path]
    authentication: tuple[Path, Path]
    root: Path
    compute_name: str


def free_port() -> int:
    """Return a port of the loopback address that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def install() -> Path:
    """Return the interpreter of the peers' own environment, made where it is missing."""
    python, stamp = VENV / "bin" / "python", VENV / ".pins"
    if not stamp.is_file() or stamp.read_text() != PINS.read_text():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)], check=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "-r", str(PINS)]
        subprocess.run(pip, check=True)
        stamp.write_text(PINS.read_text())
    return python


@contextmanager
def fastapi(chain: Path, key: Path, token: str) -> Iterator[tuple[str, int]]:
    """Serve the peer's application; yields its URL and pid."""
    port = free_port()
    command = [str(install()), "-m", "uvicorn", "--app-dir", str(HERE), "fastapi_app:app"]
    options = ["--no-access-log", "--log-level", "warning", "--loop", "uvloop"]
    tls = ["--ssl-certfile", str(chain), "--ssl-keyfile", str(key), "--http", "httptools"]
    environment = {**os.environ, "BENCH_TOKEN": token}
    with _running([*command, *options, *tls, "--port", str(port)], port, environment) as pid:
        yield f"https://127.0.0.1:{port}", pid


@contextmanager
def nginx(chain: Path, key: Path, folder: Path) -> Iterator[tuple[str, int]]:
    """Serve a static answer; yields the URL and the pid of the one worker."""
    port = free_port()
    settings = folder / "nginx.conf"
    settings.write_text(NGINX.format(folder=folder, port=port, chain=chain, key=key))
    with _running(_nginx(folder), port, dict(os.environ)) as pid:
        yield f"https://127.0.0.1:{port}", _worker_of(pid)


@contextmanager
def two_nginx(pems: Pems, folder: Path) -> Iterator[tuple[str, tuple[int, int]]]:
    """Serve a static answer behind mutual TLS through a second nginx; yields URL and both pids."""
    front, behind = folder / "front", folder / "behind"
    port, inner = free_port(), free_port()
    fields = {"root": pems.root, "name": pems.compute_name, "behind": inner}
    files = dict(zip(("client", "client_key"), pems.authentication, strict=True)) | fields
    for place, text, shown, number in (
        (front, TWO, pems.api, port),
        (behind, STATIC, pems.compute, inner),
    ):
        place.mkdir()
        known = {"folder": place, "port": number, "chain": shown[0], "key": shown[1]}
        (place / "nginx.conf").write_text(text.format(**known, **files))
    with (
        _running(_nginx(behind), inner, dict(os.environ)) as second,
        _running(_nginx(front), port, dict(os.environ)) as first,
    ):
        yield f"https://127.0.0.1:{port}", (_worker_of(first), _worker_of(second))


def _nginx(folder: Path) -> list[str]:
    settings = folder / "nginx.conf"
    return ["nginx", "-c", str(settings), "-p", str(folder), "-e", str(folder / "error.log")]


def _worker_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


@contextmanager
def _running(command: list[str], port: int, environment: dict[str, str]) -> Iterator[int]:
    process = subprocess.Popen(command, env=environment)
    try:
        _await_tls(port)
        yield process.pid
    finally:
        process.terminate()
        process.wait(timeout=20)


def _await_tls(port: int) -> None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    end = time.monotonic() + 20
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port)) as raw, context.wrap_socket(raw):
                return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)
