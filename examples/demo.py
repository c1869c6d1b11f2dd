"""What `make demo` runs: one box, a real model, a call through verified TLS.

Everything is kept in .demo/ of the checkout, and used again the next time.  `--once` stops
after the call.
"""

import argparse
import json
import os
import secrets
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

from hermetic.client import bundling
from hermetic.client.api import Client
from hermetic.errors import HermeticError, ServiceExists
from hermetic.runtimes.python import describe
from hermetic.wire.messages import EntryDefinition, ParameterDefinition, PublishRequest

ROOT = Path(__file__).resolve().parents[1]
WINE = ROOT / "examples" / "wine"
DEMO = ROOT / ".demo"
HOME, PASSWORD, MODEL = DEMO / "home", DEMO / "password", DEMO / "model.pkl"
BIN = Path(sys.executable).parent
PORT = 12800
BOTTLE = {"alcohol": 13.2, "flavanoids": 2.8, "color_intensity": 5.6, "proline": 1050}
COLOURS = {"bold": "1", "faint": "2", "green": "32"}


def styled(text: str, *styles: str) -> str:
    """Return *text* in colour, where a terminal shows it and nobody said NO_COLOR."""
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return text
    return f"\033[{';'.join(COLOURS[one] for one in styles)}m{text}\033[0m"


def step(text: str, detail: object = "") -> None:
    """Say that a step is done."""
    print(f"{styled('✓', 'green')} {text.ljust(12)} {styled(str(detail), 'faint')}", flush=True)


def free_port() -> int:
    """Return the usual port, or the next one that nobody has."""
    for port in range(PORT, PORT + 100):
        try:
            for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
                with socket.socket(family) as probe:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    probe.bind((host, port))
        except OSError as error:
            if isinstance(error, PermissionError) or "Address already in use" in str(error):
                continue
        return port
    raise SystemExit(f"The ports from {PORT} to {PORT + 99} are all taken.")


def password() -> str:
    """Return the administrator's password, made at the first run and kept for its owner."""
    if not PASSWORD.exists():
        PASSWORD.touch(mode=0o600)
        PASSWORD.write_text(f"Demo-{secrets.token_hex(4)}")
    return PASSWORD.read_text()


def start() -> tuple[subprocess.Popen[str], dict[str, str]]:
    """Start one box and return it once it is ready, with what it says of itself."""
    port = free_port()
    process = subprocess.Popen(
        [
            BIN / "hermetic",
            "up",
            "--home",
            HOME,
            "--port",
            str(port),
            "--json",
            "--log-level",
            "Warning",
        ],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "HERMETIC_ADMIN_PASSWORD": password()},
        process_group=0,  # Ctrl-C is for us, who then stop it; a second signal would hurry it
    )
    line = process.stdout.readline()
    if not line:
        raise SystemExit(process.wait())
    ready = json.loads(line)
    taken = "" if port == PORT else f"  (port {PORT} is taken by another program)"
    step("one box up", ready["url"] + taken)
    return process, ready


def train() -> None:
    """Train the model of examples/wine."""
    done = subprocess.run(
        [sys.executable, WINE / "train.py"], cwd=DEMO, check=True, capture_output=True, text=True
    )
    step("trained", done.stdout.strip())


def publish(client: Client) -> None:
    """Publish the model and its script, as `hermetic service publish` does."""
    script = WINE / "score.py"
    schema = describe(script.read_text(), file=str(script))
    with (DEMO / "bundle.zip").open("w+b") as archive:
        bundling.write(bundling.of_script(script, [MODEL]), archive)
        archive.seek(0)
        digest = client.upload_bundle(archive)
    request = PublishRequest(
        runtime_type="Python",
        entry=EntryDefinition(kind="script", target=script.name),
        bundle=digest,
        description="Says from which cultivar a wine was made.",
        input_parameter_definitions=[
            ParameterDefinition(name=one.name, type=one.type) for one in schema.inputs
        ],
        output_parameter_definitions=[
            ParameterDefinition(name=one.name, type=one.type) for one in schema.outputs
        ],
    )
    try:
        client.publish("wine", "1.0", request)
    except ServiceExists:
        client.redeploy("wine", "1.0", request)
    step(
        "published", "wine 1.0: examples/wine/score.py with model.pkl, loaded once before it counts"
    )


def call(client: Client) -> None:
    """Call the service from Python."""
    answer = client.call("wine", "1.0", **BOTTLE)
    if not answer.success:
        raise SystemExit(f"The service failed: {answer.error_message}")
    step("called", f"wine({', '.join(f'{k}={v}' for k, v in BOTTLE.items())})")
    print(f"  {'answer'.ljust(12)} {styled(answer.output_parameters, 'bold')}")


def call_with_curl(client: Client, ca: str) -> None:
    """Print the line for curl, run it as it stands, and show what it answers."""
    token = DEMO / "curl-token"
    token.touch(mode=0o600)
    token.write_text(f"Authorization: Bearer {client.token}\n")
    line = (
        f"curl --cacert {show(ca)} -H @{show(token)}"
        f" -d {shlex.quote(json.dumps(BOTTLE))} {client.url}/api/wine/1.0"
    )
    print(f"\n{styled('$', 'faint')} {line}")
    if shutil.which("curl"):
        done = subprocess.run(
            ["sh", "-c", line.replace("curl", "curl --silent --show-error", 1)],
            check=True,
            capture_output=True,
            text=True,
            cwd=Path.cwd(),
        )
        print(done.stdout.strip())


def show(path: object) -> str:
    """Return *path* as short as it can be typed from here."""
    short = os.path.relpath(path)
    return shlex.quote(str(path) if short.startswith("..") else short)


def explain(ready: dict[str, str]) -> None:
    """Say where everything is and how to go on."""
    hermetic = show(BIN / "hermetic")
    log_in = f"{hermetic} login --home {show(HOME)} --password-stdin < {show(PASSWORD)}"
    print()
    for name, value in (
        ("URL", ready["url"]),
        ("CA file", show(ready["ca"])),
        ("account", f"admin, password in {show(PASSWORD)}"),
        ("log in", log_in),
        ("look", f"{hermetic} service list --home {show(HOME)}"),
    ):
        print(f"  {name.ljust(12)} {value}")


def run(*, once: bool) -> int:
    """Do it all; return the exit status."""
    DEMO.mkdir(mode=0o700, exist_ok=True)
    process, ready = start()
    try:
        train()
        with Client(ready["url"], ca=Path(ready["ca"])) as client:
            client.login("admin", password())
            publish(client)
            call(client)
            call_with_curl(client, ready["ca"])
        explain(ready)
        if not once:
            print(f"\nServing until {styled('Ctrl-C', 'bold')} …", flush=True)
            return process.wait()
    except KeyboardInterrupt:
        print("\nStopping …")
    except HermeticError as error:
        print(f"The demo failed: {error.text}", file=sys.stderr)
        return error.exit_code
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait()
    return process.returncode


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Shows what Hermetic does, on this machine.")
    parser.add_argument("--once", action="store_true", help="stop after the call")
    os.umask(0o077)
    # A stop asked for by `kill` is one like that of Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    sys.exit(run(once=parser.parse_args().once))
