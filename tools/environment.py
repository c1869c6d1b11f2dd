"""Prepares the checkout's own virtual environment: `environment.py FOLDER LAYER [PACKAGE…]`.

Runs under whatever `python3` there is, so nothing newer than Python 3.6 may stand here.  Does
nothing when the environment already holds what the pins say.  LAYER is a file of requirements/;
the PACKAGEs are programs' packages that tests want, installed where that can be done.
"""

import glob
import hashlib
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager

import later

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LAYERS = ["node", "demo", "test", "dev"]  # each holds the ones before it
OLDEST = (3, 11)
# Where programs of a later Debian are unpacked.
LATER = os.path.join(ROOT, ".later")
# The program by which to see that a Debian package is there.
PROGRAMS = {
    "openssl": "openssl",
    "curl": "curl",
    "iproute2": "ip",
    "postgresql": "postgres",
    "nginx-light": "nginx",
    "systemd": "systemd-analyze",
    "testssl.sh": "testssl",
    "bsdextrautils": "hexdump",
    "bind9": "named",
    "knot": "knotd",
    "pebble": "pebble",
    "certbot": "certbot",
    "lego": "lego",
    "faketime": "faketime",
    "pebble/forky": os.path.join(LATER, "usr", "bin", "pebble"),
    "wrk": "wrk",
}
# Where Debian puts programs that are not for everybody's path.
FURTHER = ["/usr/sbin", "/sbin", "/usr/lib/postgresql/*/bin"]
POLICY = "/usr/sbin/policy-rc.d"


def main(arguments):
    """Prepare the environment named on the command line; return the exit status."""
    folder, layer, packages = arguments[0], arguments[1], arguments[2:]
    if sys.version_info[:2] < OLDEST:
        print(
            "Hermetic needs Python {}.{} or newer, and {} is {}.{}: say make PYTHON=python3.12"
            " (or wherever one is).".format(*OLDEST, sys.executable, *sys.version_info[:2])
        )
        return 1
    programs(packages)
    if is_prepared(folder, layer):
        return 0
    if not is_ours(folder) and not make(folder):
        return 1
    python = os.path.join(folder, "bin", "python")
    pip = [python, "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
    print("Installing what {} needs into {} …".format(layer, folder), flush=True)
    started = (
        run(*pip, "-r", os.path.join("requirements", "build.txt"))
        and run(*pip, "-r", os.path.join("requirements", layer + ".txt"))
        and run(*pip, "--no-deps", "--no-build-isolation", "--editable", ".")
    )
    if not started:
        print("Installing failed; what pip said stands above.")
        return 1
    with open(stamp(folder, layer), "w") as file:
        file.write(digest(layer))
    return 0


def is_prepared(folder, layer):
    """Whether *folder* holds *layer*, or one that includes it, as pinned now."""
    wider = LAYERS[LAYERS.index(layer) :]
    return is_ours(folder) and any(read(stamp(folder, one)) == digest(one) for one in wider)


def is_ours(folder):
    """Whether *folder* is an environment of this very Python, and was made to its end."""
    python = os.path.join(folder, "bin", "python")
    # Pip comes last when an environment is made; without it, making was interrupted.
    ask = "import sys, pip; print(*sys.version_info[:2], sys.base_prefix)"
    try:
        shown = subprocess.check_output([python, "-c", ask], stderr=subprocess.DEVNULL)
    except (OSError, subprocess.CalledProcessError):
        return False
    mine = "{} {} {}".format(*sys.version_info[:2], sys.base_prefix)
    return shown.decode().strip() == mine


def make(folder):
    """Make the environment, and on Debian what is needed to make one."""
    if not can_make():
        install = "apt-get update && apt-get install -y python3-venv"
        if os.geteuid() or not shutil.which("apt-get"):
            print("This Python cannot make virtual environments. As root: " + install)
            return False
        print("Installing python3-venv …", flush=True)
        if not run("sh", "-c", install, quiet=True) or not can_make():
            print("That did not help. As root: " + install)
            return False
    return run(sys.executable, "-m", "venv", "--clear", folder)


def can_make():
    """Whether this Python has what an environment is made with."""
    return run(sys.executable, "-c", "import venv, ensurepip; ensurepip.version()", quiet=True)


def programs(packages):
    """Install the programs that are missing, as root on Debian; say which otherwise."""
    further = [folder for pattern in FURTHER for folder in glob.glob(pattern)]
    path = os.pathsep.join([os.environ.get("PATH", "")] + further)
    missing = [one for one in packages if not shutil.which(PROGRAMS[one], path=path)]
    for one in missing:
        if "/" in one:
            print("Fetching {} …".format(one), flush=True)
            later.fetch(one, LATER)
    missing = [one for one in missing if "/" not in one]
    if not missing:
        return
    if os.geteuid() or not shutil.which("apt-get"):
        print("Without {} some of it is skipped.".format(", ".join(missing)))
        return
    print("Installing {} …".format(", ".join(missing)), flush=True)
    with no_services():
        command = "apt-get update && apt-get install -y --no-install-recommends "
        run("sh", "-c", command + " ".join(missing), quiet=True)


@contextmanager
def no_services():
    """Keep Debian from starting a server because its package was installed."""
    if os.path.exists(POLICY):
        yield
        return
    with open(POLICY, "w") as file:
        file.write("#!/bin/sh\nexit 101\n")
    os.chmod(POLICY, 0o755)
    try:
        yield
    finally:
        os.remove(POLICY)


def run(*command, quiet=False):
    """Run *command*, and return whether it succeeded; a quiet one is heard only if it fails."""
    environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    if not quiet:
        return subprocess.call(command, env=environment) == 0
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    said = process.communicate()[0]
    if process.returncode and "apt-get" in command[-1]:
        sys.stdout.write(said.decode("utf-8", "replace"))
    return process.returncode == 0


def digest(layer):
    """Return what changes whenever the content of *layer* may."""
    names = ["build"] + LAYERS[: LAYERS.index(layer) + 1]
    files = ["pyproject.toml"] + [os.path.join("requirements", one + ".txt") for one in names]
    content = "".join(read(os.path.join(ROOT, one)) for one in files)
    return hashlib.sha256((ROOT + content).encode()).hexdigest()


def stamp(folder, layer):
    """Return the file that says that *layer* was installed."""
    return os.path.join(folder, ".hermetic-" + layer)


def read(path):
    """Return the text of the file *path*, "" where there is none."""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError:
        return ""


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(main(sys.argv[1:]))
