"""The peers as processes: FastAPI under uvicorn, and nginx with a static answer, both over TLS."""

import os
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
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
    command = ["nginx", "-c", str(settings), "-p", str(folder), "-e", str(folder / "error.log")]
    with _running(command, port, dict(os.environ)) as pid:
        tasks = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        yield f"https://127.0.0.1:{port}", int(tasks[0])


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
