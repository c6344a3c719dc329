# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Container images, built by the Docker of the machine that runs the module."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import stat
import subprocess
import tarfile
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .._reconcile.aws import Aws
from .._reconcile.errors import CheckModeError, ReconcileError
from .._reconcile.resource import Resource
from .._reconcile.tags import ENVIRONMENT
from .._reconcile.waits import waiting
from .ecr import Repository, has_image, registry_login

CA_BUNDLE = "ca-bundle.crt"
"""The file at the top of a build context that holds the certificate authorities of the network."""
DATABASE_CA_BUNDLE = "database-ca.crt"
"""The file at the top of a build context that holds the certificate authorities of the database."""
OWN_REQUIREMENTS = "own-requirements.txt"
"""The file at the top of a build context that names, with hashes, the Python packages that a user adds."""
OWN_FILES = "own-files.tar"
"""The file at the top of a build context that holds the files that a user adds, as they lie in the image."""
WRITTEN_HERE = (".dockerignore", CA_BUNDLE, DATABASE_CA_BUNDLE, OWN_REQUIREMENTS, OWN_FILES)

WITHOUT_DOCKER = (
    "Without Docker, name images that exist in image_uris, as in image_uris: {airflow: registry/airflow:1, "
    "scaler: registry/scaler:1}"
)

TAG_LENGTH = 16
ANSWER_SECONDS = 60
BUILD_SECONDS = 3600
# The image of Airflow takes less than a minute on a fast line, and is about a gigabyte.
BUILD_USUAL, PUSH_USUAL = "1 to 5 minutes", "1 to 3 minutes"
TAIL_LINES = 40
# Docker knows these arguments without an ARG, and they are left out of the image's history and of its tag:
# https://docs.docker.com/reference/dockerfile/#predefined-args
PROXY_ARGUMENTS = re.compile(r"^(HTTP|HTTPS|FTP|NO|ALL)_PROXY$", re.IGNORECASE)
# Made by Python or by version control wherever they work; never part of an image.
NEVER = re.compile(r"(^|/)(__pycache__|\.git)(/|$)|\.pyc$")


class DockerError(ReconcileError):
    """Docker is missing, does not answer, or refused something."""


@dataclass
class Docker:
    """The command ``docker``. Unable to write in check mode."""

    check_mode: bool
    environment: dict[str, str] = field(default_factory=dict)

    def run(self, *arguments: str, timeout: float = ANSWER_SECONDS) -> subprocess.CompletedProcess[str]:
        """Run a command that only reads; its exit code is the caller's to judge."""
        return self._run(arguments, None, timeout)

    def write(self, *arguments: str, stdin: str | None = None, timeout: float = ANSWER_SECONDS) -> None:
        """Run a command that changes something. Raises DockerError with the last lines of a failed one's output."""
        if self.check_mode:
            raise CheckModeError(f"docker {arguments[0]} was about to be run in check mode")
        result = self._run(arguments, stdin, timeout)
        if result.returncode:
            tail = "\n".join(result.stdout.strip().splitlines()[-TAIL_LINES:])
            raise DockerError(f"docker {arguments[0]} failed with exit code {result.returncode}:\n{tail}")

    def _run(self, arguments: tuple[str, ...], stdin: str | None, timeout: float) -> subprocess.CompletedProcess[str]:
        executable = shutil.which("docker")
        if not executable:
            raise DockerError(
                "the command docker is not on the PATH of the machine that builds images "
                f"(see https://docs.docker.com/engine/install/). {WITHOUT_DOCKER}"
            )
        try:
            # AnsibleModule.run_command knows no time limit.
            return subprocess.run(  # pylint: disable=ansible-bad-function
                [executable, *arguments],
                input=stdin or "",
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                env={**os.environ, **self.environment},
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise DockerError(f"docker {arguments[0]} did not end within {timeout:.0f} seconds") from None

    def require(self) -> None:
        """Raise DockerError unless the command and its engine are there."""
        result = self.run("version", "--format", "{{.Server.Version}}")
        if result.returncode:
            said = result.stdout.strip()[-500:]
            raise DockerError(f"Docker's engine does not answer: {said}. {WITHOUT_DOCKER}")

    def has_image(self, reference: str) -> bool:
        """Tell whether the engine has an image."""
        result = self.run("image", "inspect", "--format", "{{.Id}}", reference)
        if result.returncode and "no such image" not in result.stdout.lower():
            raise DockerError(f"docker image inspect failed: {result.stdout.strip()[-500:]}")
        return result.returncode == 0

    def images(self, repository: str, label: str) -> list[str]:
        """Return the references of the engine's images of a repository that carry a label."""
        filters = ("--filter", f"reference={repository}:*", "--filter", f"label={label}")
        result = self.run("image", "ls", *filters, "--format", "{{.Repository}}:{{.Tag}}")
        if result.returncode:
            raise DockerError(f"docker image ls failed: {result.stdout.strip()[-500:]}")
        return sorted(set(result.stdout.split()))

    def has_buildx(self) -> bool:
        """Tell whether BuildKit is there; without it only the classic builder can build."""
        return self.run("buildx", "version").returncode == 0

    def logged_in(self, folder: str) -> Docker:
        """Return a Docker with a configuration folder of its own, on the same engine."""
        # DOCKER_CONFIG also selects the engine, so pass the engine on explicitly.
        result = self.run("context", "inspect", "--format", "{{.Endpoints.docker.Host}}")
        host = result.stdout.strip()
        engine = {"DOCKER_HOST": host} if result.returncode == 0 and "://" in host else {}
        return Docker(self.check_mode, {**engine, **self.environment, "DOCKER_CONFIG": folder})


@dataclass
class BuildContext:
    """A folder with a Dockerfile, and all else that decides what image comes out.

    ``own_requirements`` and ``own_files`` are what a user adds: Python packages, and files or folders of this machine
    by their paths in the image. Which versions the packages have is decided, in ``locked_requirements``, when the image
    is built; the tag is of what the user asked for, so that a new version of some package makes no new image.
    """

    source: Path
    build_arguments: dict[str, str]
    platform: str | None = None
    ca_bundle: Path | None = None
    database_ca_bundle: Path | None = None
    refresh: str | None = None
    own_requirements: Sequence[str] = ()
    own_files: Mapping[str, Path] = field(default_factory=dict)
    locked_requirements: str = ""

    def files(self) -> list[str]:
        """Return the paths, relative to the folder, of what is sent to Docker."""
        ignored = IgnoreRules.read(self.source / ".dockerignore")
        found = []
        for path in _walk(self.source):
            relative = path.relative_to(self.source).as_posix()
            if relative in WRITTEN_HERE or NEVER.search(relative):
                continue
            if relative == "Dockerfile" or not ignored.match(relative):
                found.append(relative)
        return sorted(found)

    def added_files(self) -> list[tuple[str, Path]]:
        """Return what a user adds: each file's path in the image, with the file."""
        found = []
        for destination, source in self.own_files.items():
            for path in _walk(source) if source.is_dir() else [source]:
                relative = path.relative_to(source).as_posix()
                if not NEVER.search(relative):
                    found.append((destination if path == source else f"{destination}/{relative}", path))
        return sorted(found)

    def tag(self) -> str:
        """Return the image's tag, the beginning of a digest of all that decides its content.

        Of a file's mode only the permission to execute counts, as with git: the rest is a matter of the umask.
        """
        digest = hashlib.sha256()
        for part in (part for parts in self._content() for part in parts):
            digest.update(len(part).to_bytes(8, "big") + part)
        return digest.hexdigest()[:TAG_LENGTH]

    def _content(self) -> Iterator[tuple[bytes, ...]]:
        """Yield all that decides the image's content."""
        for relative in self.files():
            yield _content_of(relative, self.source / relative)
        for key, value in sorted(self.build_arguments.items()):
            if not PROXY_ARGUMENTS.match(key):
                yield b"argument", key.encode(), value.encode()
        if self.platform:
            yield b"platform", self.platform.encode()
        if self.database_ca_bundle:
            # Unlike the network's authorities, these stay in the image.
            yield b"database authorities", self.database_ca_bundle.read_bytes()
        if self.refresh:
            yield b"refresh", self.refresh.encode()
        for requirement in self.own_requirements:
            yield b"requirement", requirement.encode()
        for destination, path in self.added_files():
            yield _content_of(destination, path)

    def copy_to(self, folder: Path) -> None:
        """Copy the files to an empty folder, with certificate authorities and what a user adds."""
        for relative in self.files():
            path, copy = self.source / relative, folder / relative
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy, follow_symlinks=False)
            if not path.is_symlink():
                copy.chmod(0o755 if _executable(path) else 0o644)
        for bundle, name in ((self.ca_bundle, CA_BUNDLE), (self.database_ca_bundle, DATABASE_CA_BUNDLE)):
            if bundle:
                shutil.copyfile(bundle, folder / name)
                (folder / name).chmod(0o644)
        if self.locked_requirements:
            (folder / OWN_REQUIREMENTS).write_text(self.locked_requirements, encoding="utf-8")
        if self.own_files:
            self._pack_added(folder / OWN_FILES)

    def _pack_added(self, target: Path) -> None:
        """Pack what a user adds, for root, readable by everyone, and without times, which would defeat the cache."""
        with tarfile.open(target, "w") as archive:
            for destination, path in self.added_files():
                member = archive.gettarinfo(path, destination.lstrip("/"))
                member.uid = member.gid = member.mtime = 0
                member.uname = member.gname = "root"
                member.mode = 0o755 if _executable(path) else 0o644
                if member.isfile():
                    with path.open("rb") as content:
                        archive.addfile(member, content)
                else:
                    archive.addfile(member)


class DockerImage(Resource):
    """An image of a build context, ``name`` being ``<repository>:<tag>``.

    Its tag is made of its content: where it exists it is right, and nothing is built.
    """

    kind = "Docker::Image"
    tagged = False

    def __init__(
        self,
        aws: Aws,
        docker: Docker,
        repository_name: str,
        environment: str,
        context: BuildContext,
        repository: Repository | None = None,
    ) -> None:
        self.tag = context.tag()
        super().__init__(aws, f"{repository_name}:{self.tag}")
        self.docker = docker
        self.repository_name = repository_name
        self.environment = environment
        self.context = context
        self.repository = repository

    @property
    def uri(self) -> str:
        """What a task definition names."""
        return f"{self.repository.uri}:{self.tag}" if self.repository else self.name

    def exists(self) -> bool:
        """Tell whether the image is where it is needed: in the repository, or in Docker without one."""
        if self.repository:
            return has_image(self.aws, self.repository_name, self.tag)
        return self.docker.has_image(self.name)

    def find(self) -> dict[str, str] | None:
        try:
            if not self.exists():
                return None
        except DockerError:
            if self.aws.check_mode:
                return None  # The plan can be made where nothing can be built.
            raise
        self.id = self.uri
        return self.desired()

    def desired(self) -> dict[str, str]:
        # Not where the source lies, which differs where a plan is made and where it is followed; the tag is of what it
        # contains.
        return {"tag": self.tag, "platform": self.context.platform or "default"}

    def create(self, desired: dict[str, str]) -> None:
        self.docker.require()
        # It is there where a push was interrupted.
        if not self.docker.has_image(self.uri):
            self._build()
        if self.repository:
            self._push()
        self.id = self.uri

    def _build(self) -> None:
        docker = self.docker
        arguments = ["build", "--tag", self.uri, "--label", f"{ENVIRONMENT}={self.environment}"]
        if docker.has_buildx():
            # --load: some builders would keep the image to themselves. Without provenance the image is one manifest
            # instead of an index, whose parts ECR would count as untagged images.
            arguments += ["--load", "--provenance=false"]
        else:
            docker = Docker(docker.check_mode, {**docker.environment, "DOCKER_BUILDKIT": "0"})
        if self.context.platform:
            arguments += ["--platform", self.context.platform]
        if self.context.refresh:
            arguments += ["--pull", "--no-cache"]
        proxies = {}
        for key, value in sorted(self.context.build_arguments.items()):
            if PROXY_ARGUMENTS.match(key):
                # Docker reads the value from its environment: it may hold a password.
                proxies[key] = value
                arguments += ["--build-arg", key]
            else:
                arguments += ["--build-arg", f"{key}={value}"]
        docker = Docker(docker.check_mode, {**docker.environment, **proxies})
        with tempfile.TemporaryDirectory(prefix="sm2a-build-") as folder:
            self.context.copy_to(Path(folder))
            with waiting(f"{self.label} is built", BUILD_USUAL):
                docker.write(*arguments, folder, timeout=BUILD_SECONDS)

    def _push(self) -> None:
        registry, username, password = registry_login(self.aws)
        # The login ends in a file; this one is nobody's but ours, and gone at the end.
        with tempfile.TemporaryDirectory(prefix="sm2a-login-") as folder:
            docker = self.docker.logged_in(folder)
            docker.write("login", "--username", username, "--password-stdin", registry, stdin=password)
            try:
                with waiting(f"{self.label} is pushed", PUSH_USUAL):
                    docker.write("push", self.uri, timeout=BUILD_SECONDS)
            except DockerError:
                # Somebody else pushed the same content in the meantime, and tags do not move.
                if not self.exists():
                    raise


_REMOVAL = threading.Lock()


class LocalImage(Resource):
    """An image in Docker that is there to be removed."""

    kind = "Docker::Image"
    tagged = False

    def __init__(self, aws: Aws, docker: Docker, reference: str) -> None:
        super().__init__(aws, reference)
        self.docker = docker

    def find(self) -> dict[str, str] | None:
        return {"tag": self.name.rpartition(":")[2]} if self.docker.has_image(self.name) else None

    def delete(self, current: dict[str, str]) -> None:
        # Docker also removes what it was built from, which it may share with others: where two are removed at the same
        # time it fails with "unrecognized image ID".
        with _REMOVAL:
            try:
                # --force: ECS may have stopped containers of it a moment ago.
                self.docker.write("image", "rm", "--force", self.name)
            except DockerError:
                # Somebody else may be cleaning up as well.
                if self.docker.has_image(self.name):
                    raise


class IgnoreRules:
    """The rules of a ``.dockerignore``.

    https://docs.docker.com/build/concepts/context/#dockerignore-files
    """

    def __init__(self, lines: list[str]) -> None:
        self._rules: list[tuple[re.Pattern[str], bool]] = []
        for line in lines:
            text = line.strip()
            if not text or line.startswith("#"):
                continue
            negated = text.startswith("!")
            pattern = text.lstrip("!").strip().strip("/")
            if pattern.startswith("./"):
                pattern = pattern[2:]
            if pattern:
                # What is in a folder that matches is matched too.
                self._rules.append((re.compile(_translate(pattern) + r"(/.*)?\Z", re.DOTALL), not negated))

    @classmethod
    def read(cls, path: Path) -> IgnoreRules:
        """Read a file; none is no rules."""
        return cls(path.read_text(encoding="utf-8").splitlines() if path.is_file() else [])

    def match(self, relative: str) -> bool:
        """Tell whether a path is ignored: the last rule that matches it decides."""
        ignored = False
        for pattern, ignores in self._rules:
            if pattern.match(relative):
                ignored = ignores
        return ignored


def _translate(pattern: str) -> str:
    """Return the regular expression of a pattern with ``*``, ``?`` and ``**``."""
    expressions = {"**/": "(.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    pieces = re.split(r"(\*\*/|\*\*|\*|\?|\[[^\]]+\])", pattern)
    return "".join(
        piece if piece.startswith("[") and piece.endswith("]") else expressions.get(piece, re.escape(piece))
        for piece in pieces
    )


def _walk(folder: Path) -> Iterator[Path]:
    """Yield every file and symbolic link below a folder."""
    for root, folders, names in os.walk(folder):
        links = [name for name in folders if Path(root, name).is_symlink()]
        folders[:] = [name for name in folders if name not in links]
        for name in (*names, *links):
            path = Path(root, name)
            if path.is_symlink() or path.is_file():
                yield path


def _content_of(name: str, path: Path) -> tuple[bytes, ...]:
    """Return what the name, the kind and the content of a file are."""
    if path.is_symlink():
        return b"link", name.encode(), os.readlink(path).encode()
    return b"program" if _executable(path) else b"file", name.encode(), path.read_bytes()


def _executable(path: Path) -> bool:
    return not path.is_symlink() and bool(path.stat().st_mode & stat.S_IXUSR)
