# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Docker on this machine: found, started where it may be, and given the base images that the platform needs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

IMAGES = Path(__file__).parent / "images"
DEBIAN = "debian:trixie-slim"
POSTGRES = "postgres:17-alpine"
MYSQL = "mysql:8.4"
PULL_SECONDS = 300
# Where the engine's programs note which process they are.
PID_FILES = {
    "dockerd": Path("/var/run/docker.pid"),
    "containerd": Path("/var/run/docker/containerd/containerd.pid"),
}
START_SECONDS = 60
DEBIAN_MIRROR = "http://deb.debian.org/debian"
# debootstrap itself only warns when it finds no key to check signatures with; it must refuse.
DEBOOTSTRAP = ["debootstrap", "--variant=minbase", "--include=ca-certificates", "--force-check-gpg", "trixie"]
DEBOOTSTRAP_PACKAGES = ("debootstrap", "debian-archive-keyring")
# What makes the official image slim, now and in every image that is built on it.
SLIM_FILES = {
    "etc/apt/sources.list": f"""\
deb {DEBIAN_MIRROR} trixie main
deb {DEBIAN_MIRROR} trixie-updates main
deb {DEBIAN_MIRROR}-security trixie-security main
""",
    "etc/apt/apt.conf.d/docker-clean": """\
DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/*.bin || true"; };
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
APT::Install-Recommends "false";
""",
    "etc/dpkg/dpkg.cfg.d/docker-slim": """\
path-exclude /usr/share/doc/*
path-include /usr/share/doc/*/copyright
path-exclude /usr/share/locale/*
path-include /usr/share/locale/locale.alias
path-exclude /usr/share/man/*
""",
}
# The network that stands for the VPC. Its addresses are those of the local inventory's VPC: this machine, which is the
# load balancer too, has one of a public subnet, and containers have those of private ones.
NETWORK = "sm2a"
NETWORK_OPTIONS = {"subnet": "10.42.0.0/16", "gateway": "10.42.0.1", "ip-range": "10.42.128.0/17"}
# It enters the network namespaces of containers where we may not, or where Docker's engine is a virtual machine.
PACKET_FILTER = "sm2a-packet-filter"
PACKET_FILTER_IMAGE = f"{PACKET_FILTER}:1"
PACKET_FILTER_PACKAGES = {"iptables": "iptables", "nsenter": "util-linux"}
SLIM_FOLDERS = ("usr/share/locale", "usr/share/man", "var/cache/apt", "var/lib/apt/lists", "var/log")


class SetupError(Exception):
    """Something that the user has to install or permit."""


def run(*command: str, **options: object) -> str:
    """Run a command and return what it printed. Raises subprocess.CalledProcessError."""
    done = subprocess.run(command, check=True, capture_output=True, text=True, **options)  # type: ignore[call-overload]
    return str(done.stdout).strip()


def answers() -> bool:
    """Tell whether a Docker engine answers."""
    if not shutil.which("docker"):
        return False
    return subprocess.run(["docker", "version"], capture_output=True, check=False).returncode == 0


def ensure_engine(state: Path, log: Path) -> None:
    """Install and start Docker where that is possible. Raises SetupError that says what to do elsewhere."""
    if answers():
        return
    if not shutil.which("dockerd"):
        _install()
        # Where an init system runs, the package has just started the daemon itself.
        if _within(5, answers):
            return
    if os.geteuid() != 0:
        raise SetupError("Docker is installed but does not answer. Start it, or join the group that may use it.")
    for program, path in PID_FILES.items():
        _forget_dead(program, path)
    with log.open("a") as stream:
        daemon = subprocess.Popen(
            ["dockerd"], stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, start_new_session=True
        )
    state.write_text(str(daemon.pid))
    if not _within(START_SECONDS, lambda: daemon.poll() is not None or answers()) or daemon.poll() is not None:
        state.unlink()
        raise SetupError(f"dockerd did not start; its log is {log}")


def _forget_dead(program: str, path: Path) -> None:
    """Delete what a killed program has left, if its number is another's now: the next one would not start."""
    if path.exists():
        name = Path("/proc", path.read_text().strip(), "comm")
        if not name.exists() or name.read_text().strip() != program:
            path.unlink()


def _within(seconds: float, happened: Callable[[], bool]) -> bool:
    """Wait for something to happen, and tell whether it did."""
    deadline = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.3)
    return True


def _install() -> None:
    family = Path("/etc/os-release").read_text() if Path("/etc/os-release").exists() else ""
    if os.geteuid() != 0 or not any(name in family for name in ("ID=debian", "ID=ubuntu", "ID_LIKE=debian")):
        raise SetupError("Docker is missing. Install Docker Engine (https://docs.docker.com/engine/install/).")
    apt_install("docker.io")


def apt_install(*packages: str) -> None:
    """Install Debian packages. Raises SetupError when that fails."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update"], ["apt-get", "install", "--yes", "--no-install-recommends", *packages]):
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SetupError(f"{' '.join(command)} failed: {done.stderr[-500:]}")


def gateway() -> str:
    """Return the address under which containers reach this machine."""
    return NETWORK_OPTIONS["gateway"]


def ensure_network(label: str) -> None:
    """Make the network of the containers, with a label by which it is deleted. Raises SetupError."""
    if run("docker", "network", "ls", "--quiet", "--filter", f"name=^{NETWORK}$"):
        return
    options = [f"--{name}={value}" for name, value in NETWORK_OPTIONS.items()]
    bridge = f"--opt=com.docker.network.bridge.name={NETWORK}"
    try:
        run("docker", "network", "create", f"--label={label}", bridge, *options, NETWORK)
    except subprocess.CalledProcessError as error:
        raise SetupError(f"Docker cannot make a network {NETWORK_OPTIONS['subnet']}: {error.stderr}") from None


def ensure_packet_filter() -> None:
    """Make sure that packet filters can be put into containers' network namespaces: by ourselves or by a container."""
    if _enters_itself():
        for program, package in PACKET_FILTER_PACKAGES.items():
            if not shutil.which(program):
                apt_install(package)
        return
    ensure_stand_in(PACKET_FILTER_IMAGE)
    if not run("docker", "ps", "--quiet", "--filter", f"name=^{PACKET_FILTER}$"):
        # To find processes of the engine's machine, to look at their namespaces, to enter them, to filter packets.
        capabilities = ("--cap-drop=ALL", "--cap-add=SYS_PTRACE", "--cap-add=SYS_ADMIN", "--cap-add=NET_ADMIN")
        rights = ("--pid=host", "--network=none", "--security-opt=apparmor=unconfined", *capabilities)
        run("docker", "run", "--detach", "--rm", "--init", f"--name={PACKET_FILTER}", *rights, PACKET_FILTER_IMAGE)


def remove_packet_filter() -> None:
    """Stop the container of ``ensure_packet_filter``, where there is one."""
    if run("docker", "ps", "--quiet", "--filter", f"name=^{PACKET_FILTER}$"):
        run("docker", "rm", "--force", PACKET_FILTER)


def enter_namespace() -> list[str]:
    """Return the beginning of a command that runs a program in a namespace of one of the engine's processes."""
    return ["nsenter"] if _enters_itself() else ["docker", "exec", "--interactive", PACKET_FILTER, "nsenter"]


def _enters_itself() -> bool:
    """Tell whether containers are processes of this machine that we may enter."""
    installed = all(map(shutil.which, PACKET_FILTER_PACKAGES)) or bool(shutil.which("apt-get"))
    return sys.platform == "linux" and os.geteuid() == 0 and installed


def ensure_image(tag: str) -> None:
    """Pull an image, or make a stand-in under the same tag where no registry answers."""
    if exists(tag):
        return
    try:
        run("docker", "pull", "--quiet", tag, timeout=PULL_SECONDS)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        print(f"no registry gave {tag}; making a stand-in", flush=True)
        if tag == DEBIAN:
            _make_debian()
        else:
            ensure_stand_in(tag)


def ensure_stand_in(tag: str) -> None:
    """Build the image of that tag from our own source, whatever a registry has."""
    if not exists(tag):
        ensure_image(DEBIAN)
        _build(tag, IMAGES / tag.partition(":")[0])


def exists(tag: str) -> bool:
    """Tell whether an image is on this machine."""
    return subprocess.run(["docker", "image", "inspect", tag], capture_output=True, check=False).returncode == 0


def ca_bundle() -> Path | None:
    """Return the machine's certificate authorities, which a company's network may need inside of image builds."""
    for name in (os.environ.get("SSL_CERT_FILE"), "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/cert.pem"):
        if name and Path(name).is_file():
            return Path(name)
    return None


def _make_debian() -> None:
    if os.geteuid() != 0:
        raise SetupError(f"no registry gave {DEBIAN}, and only root can make it with debootstrap")
    if not shutil.which("debootstrap"):
        if not shutil.which("apt-get"):
            raise SetupError(f"no registry gave {DEBIAN}; install debootstrap and Debian's archive keyring to make it")
        apt_install(*DEBOOTSTRAP_PACKAGES)
    with tempfile.TemporaryDirectory(prefix="sm2a-debootstrap-") as folder:
        root = Path(folder) / "root"
        run(*DEBOOTSTRAP, str(root), DEBIAN_MIRROR)
        _slim(root)
        bundle = ca_bundle()
        if bundle:
            shutil.copyfile(bundle, root / "etc/ssl/certs/ca-certificates.crt")
        with subprocess.Popen(["tar", "-C", str(root), "-c", "."], stdout=subprocess.PIPE) as tar:
            run("docker", "import", "--change", 'CMD ["bash"]', "-", DEBIAN, stdin=tar.stdout)
        if tar.returncode:
            run("docker", "image", "rm", DEBIAN)
            raise SetupError(f"packing {DEBIAN} failed")


def _slim(root: Path) -> None:
    """Leave out what the official slim image leaves out."""
    for name in SLIM_FOLDERS:
        for path in (root / name).iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif path.name != "locale.alias":
                path.unlink()
    for path in (root / "usr/share/doc").rglob("*"):
        if path.name != "copyright" and not path.is_dir():
            path.unlink()
    for name, content in SLIM_FILES.items():
        (root / name).write_text(content)


def _build(tag: str, context: Path) -> None:
    # Debian's engine has no BuildKit; the classic builder is everywhere.
    run(
        "docker",
        "build",
        "--quiet",
        "--force-rm",
        "--tag",
        tag,
        str(context),
        env={**os.environ, "DOCKER_BUILDKIT": "0"},
    )
