"""Programs of a later Debian, for tests: fetched by apt, unpacked beside the project, not installed.

What apt knows of this machine stays as it is.  Only the standard library, as in `environment`.
"""

import glob
import os
import shutil
import subprocess

MIRROR = "http://deb.debian.org/debian"
KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg"


def fetch(wanted, folder):
    """Unpack *wanted*, such as `pebble/forky`, below *folder*; return whether that succeeded."""
    package, suite = wanted.split("/")
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb") and os.path.exists(KEYS)):
        print("Only Debian's apt can fetch {}.".format(wanted))
        return False
    place = os.path.join(os.path.abspath(folder), "apt")
    for one in ("state/lists/partial", "cache/archives/partial"):
        os.makedirs(os.path.join(place, one), exist_ok=True)
    sources = os.path.join(place, "sources.list")
    with open(sources, "w") as file:
        file.write("deb [signed-by={}] {} {} main\n".format(KEYS, MIRROR, suite))
    told = {
        "Dir::Etc::SourceList": sources,
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::State": os.path.join(place, "state"),
        "Dir::Cache": os.path.join(place, "cache"),
        "APT::Sandbox::User": "",
        "Acquire::Retries": "3",
    }
    apt = ["apt-get", "-q"]
    for name, value in told.items():
        apt += ["-o", "{}={}".format(name, value)]
    try:
        for command in ([*apt, "update"], [*apt, "download", package]):
            subprocess.run(
                command, cwd=place, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
            )
        (archive,) = glob.glob(os.path.join(place, package + "_*.deb"))
        subprocess.run(["dpkg-deb", "-x", archive, folder], check=True)
    except subprocess.CalledProcessError as error:
        said = (error.stdout or b"").decode("utf-8", "replace").strip().splitlines()[-1:]
        print("Fetching {} failed: {}.".format(wanted, "".join(said) or error.cmd[0]))
        return False
    except ValueError:
        print("Fetching {} failed: apt left no package.".format(wanted))
        return False
    finally:
        shutil.rmtree(place)
    return True
