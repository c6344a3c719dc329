# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One container image: built where it is missing, and put where ECS can pull it."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from .._reconcile.errors import OptionError
from .._reconcile.resource import Resource
from .._reconcile.tags import ENVIRONMENT
from .._resources.docker import BuildContext, Docker, DockerImage, LocalImage
from .._resources.ecr import Repository
from .._resources.python_packages import LOCK, PackagesError, lock_beside
from .._secret_values import holds_secret
from ._base import Component
from ._kms_rules import kms_key_option
from ._option import Form, Option, Return
from ._option_rules import IMAGE, IMAGE_ADDRESS

LIFECYCLE = "https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html"
REPOSITORIES = "https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepository.html"
DATABASE_TLS = "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.SSL.html"
DOCKERFILES = "https://docs.docker.com/reference/dockerfile/"
SPECIFIERS = "https://packaging.python.org/en/latest/specifications/dependency-specifiers/"
DEBIAN_NAMES = "https://www.debian.org/doc/debian-policy/ch-controlfields.html#source"
ADDING = "https://github.com/sm2a/airflow/blob/main/docs/images.md"
# Fargate's own default: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RuntimePlatform.html
PUSHED_PLATFORM = "linux/amd64"
# In a template of the role: the platform of the site's processors, empty if they are not set.
SITES_PLATFORM = (
    "{'X86_64': 'linux/amd64', 'ARM64': 'linux/arm64'}[sm2a_architecture] if sm2a_architecture | default('') else ''"
)

# A limit of ours: what is larger has no use, and no place in ECR's numbers of 32 bits.
MOST_IMAGES = 2**31 - 1
IMAGE_NAME = Form(
    r"(?=.{1,64}$)[a-z][a-z0-9]*(-[a-z0-9]+)*",
    "at most 64 lower-case letters, digits and single hyphens, starting with a letter",
    REPOSITORIES,
)
# A name, extras, and versions, with a condition at the end.
REQUIREMENT = re.compile(
    r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?\s*(\[[A-Za-z0-9._, -]*\])?"
    r"(\s*(===|[~=!<>]=|[<>])\s*[A-Za-z0-9.*+!_-]+\s*(,|(?=$|;)))*\s*(;.*)?"
)
SYSTEM_PACKAGE = Form(
    r"[a-z0-9][a-z0-9+.-]+(=[A-Za-z0-9.+:~-]+)?",
    "the name of a Debian package, with =version if need be",
    DEBIAN_NAMES,
)
# The argument of our Dockerfiles that takes them.
SYSTEM_PACKAGES = "SYSTEM_PACKAGES"
AIRFLOW_HOME = "/opt/airflow"
# What is ours, what the kernel makes, and what an empty volume covers.
NO_DESTINATION = ("/opt/sm2a", "/opt/venv", "/dev", "/proc", "/sys", "/tmp")
REFRESH = Form(r"[A-Za-z0-9._-]{1,64}", "1 to 64 letters, digits and . _ -", DOCKERFILES)


def _of_airflow(option: str, otherwise: str) -> str:
    """Return the template of what is added to the image of Airflow alone."""
    return f"{{{{ airflow_image_{option} | default({otherwise}, true) if image_name == 'airflow' else {otherwise} }}}}"


class ImageComponent(Component):
    """An image ``sm2a-<environment>/<name>``, tagged by its content."""

    NAME = "image"
    SUMMARY = "ECR repository, and an image that is built or copied into it where it is missing"
    DESCRIPTION = (
        "Builds a folder with a Dockerfile, creates an ECR repository whose tags never move, and pushes the image to "
        "it.",
        "The tag is made of the content of the folder, so that an image that exists is neither built nor pushed "
        "again, and check mode can tell the image's address before anything is built.",
        "Of the files' modes only the permission to execute counts. Compiled Python and C(.git) are left out, and so "
        "is what C(.dockerignore) names.",
        "Needs the command C(docker) and its engine where the image is missing. BuildKit is used where it is "
        "installed.",
    )
    TASK = "Make the image available"
    WAITS = False
    MAIN = ("push", "ca_bundle")
    OPTIONS = {
        "name": Option(
            "str",
            ("Short name of the image.", "The fact is C(sm2a_image_) and this name, with underscores for hyphens."),
            form=IMAGE_NAME,
            required=True,
        ),
        "source": Option(
            "path",
            (
                "Folder on the controller with a C(Dockerfile) and all it needs.",
                "Required with O(state=present), unless O(uri) is given.",
            ),
            role_doc=("O(uri) takes precedence.",),
            role_value="{{ omit if image_uri else (image_source or omit) }}",
        ),
        "uri": Option(
            "str",
            "An image that exists elsewhere and is used as it is. Nothing is built, created or deleted.",
            form=IMAGE_ADDRESS,
            role_doc=("By default that of O(uris), if any.",),
            role_default="{{ (image_uris | sm2a.airflow.from_text(mapping=true))[image_name] | default('') }}",
        ),
        "build_arguments": Option(
            "dict",
            (
                "Values of C(ARG) instructions. They are part of the tag, and can be read from the image, so they "
                "are no place for secrets.",
                "Docker's predefined arguments, such as C(HTTPS_PROXY), are not part of the tag.",
            ),
            default={},
        ),
        "platform": Option(
            "str",
            (
                "Platform that the image is built for.",
                "Without it V(linux/amd64) if the image is pushed, otherwise that of the machine.",
            ),
            choices=("linux/amd64", "linux/arm64"),
            site="sm2a_architecture",
            role_default=f"{{{{ {SITES_PLATFORM} }}}}",
            # The tasks have the site's processors, so an empty answer of a survey must not make it those of X86_64.
            role_value=f"{{{{ image_platform or ({SITES_PLATFORM}) or omit }}}}",
        ),
        "ca_bundle": Option(
            "path",
            (
                "File on the controller with the certificate authorities that the build needs, where a network "
                "re-signs TLS.",
                "The Dockerfile finds it as C(ca-bundle.crt) at the top of the build context. It is not part of "
                "the tag.",
            ),
        ),
        "database_ca_bundle": Option(
            "path",
            (
                "File on the controller with the certificate authorities by which the containers know their "
                "database, in PEM.",
                "The Dockerfile finds it as C(database-ca.crt) at the top of the build context. It is part of the tag.",
            ),
            role_doc=("By default RDS's, of the regions that the collection knows.",),
            role_value="{{ image_database_ca_bundle or (role_path ~ '/files/rds-ca-bundle.pem') }}",
        ),
        "refresh": Option(
            "str",
            (
                "Any word, such as a date. It is part of the tag, so another one makes the image anew, although its "
                "source is the same.",
                "Such a build fetches the base image again and takes no step from Docker's cache, so that it has all "
                "updates that Debian has published since.",
                "Keep the last word: without it the image from before is used again.",
            ),
            form=REFRESH,
        ),
        "requirements": Option(
            "list",
            (
                "Python packages that are added: requirements such as C(apache-airflow-providers-slack>=9), or files "
                "with the extension C(.txt) that have one a line.",
                "The command C(uv) finds their versions when the image is missing, before anything is built. What the "
                "image has already keeps its version; what does not go with it is refused.",
                "They are part of the tag as they are given.",
            ),
            elements="str",
            default=[],
            site="airflow_image_requirements",
            role_default=_of_airflow("requirements", "[]"),
        ),
        "system_packages": Option(
            "list",
            (
                "Debian packages that are added. They are there when Python packages are built, too.",
                "They are part of the tag.",
            ),
            elements="str",
            default=[],
            form=SYSTEM_PACKAGE,
            site="airflow_image_system_packages",
            role_default=_of_airflow("system_packages", "[]"),
        ),
        "files": Option(
            "dict",
            (
                "Files and folders of the controller that are added, by their paths in the image.",
                f"What does not begin with a slash is below Airflow's home, C({AIRFLOW_HOME}).",
                "They are part of the tag. Whoever has the image can read them, so they are no place for secrets.",
            ),
            default={},
            site="airflow_image_files",
            role_default=_of_airflow("files", "{}"),
        ),
        "push": Option(
            "bool",
            (
                "Whether the image is pushed to the ECR repository C(sm2a-<environment>/<name>).",
                "If V(false) the image stays in this machine's Docker, for an emulator of AWS.",
            ),
            default=True,
        ),
        "kms_key_arn": kms_key_option(
            "KMS key that encrypts the repository. Without it ECR uses keys of its own.",
            "Used when the repository is created; ECR cannot change it later.",
        ),
        "scan_on_push": Option(
            "bool", "Whether ECR looks for known vulnerabilities in every image that is pushed.", default=True
        ),
        "keep_images": Option(
            "int",
            "How many of the latest images the repository keeps.",
            default=20,
            least=1,
            most=MOST_IMAGES,
            rule=f"at least one image must be kept, and at most {MOST_IMAGES}",
            why=LIFECYCLE,
        ),
        "keep_untagged_images": Option(
            "int",
            "How many of the latest images without a tag the repository keeps.",
            default=5,
            least=1,
            most=MOST_IMAGES,
            rule=f"at least one image must be kept, and at most {MOST_IMAGES}",
            why=LIFECYCLE,
        ),
    }
    RETURNS = {
        "name": Return("str", "Short name of the image.", "airflow"),
        "uri": Return(
            "str",
            "What a task definition names.",
            "123456789012.dkr.ecr.eu-central-1.amazonaws.com/sm2a-dev/airflow:0123456789abcdef",
        ),
        "repository_uri": Return(
            "str", "The same without the tag.", "123456789012.dkr.ecr.eu-central-1.amazonaws.com/sm2a-dev/airflow"
        ),
        "tag": Return(
            "str",
            "The tag, made of the image's content. Null for an image that O(uri) names by its digest only.",
            "0123456789abcdef",
        ),
    }
    PLAN = ("AWS::ECR::Repository", "sm2a-dev/airflow")
    EXAMPLES = """
- name: Make a folder for an image
  ansible.builtin.file:
    path: "{{ playbook_dir }}/image"
    state: directory
    mode: "0755"
  check_mode: false

- name: Write the Dockerfile
  ansible.builtin.copy:
    dest: "{{ playbook_dir }}/image/Dockerfile"
    content: |
      FROM public.ecr.aws/docker/library/python:3.13-slim
    mode: "0644"
  check_mode: false

- name: Build the image of the folder and push it to ECR
  sm2a.airflow.image:
    environment: dev
    region: eu-central-1
    name: airflow
    source: "{{ playbook_dir }}/image"

- name: An image that exists already
  sm2a.airflow.image:
    environment: dev
    region: eu-central-1
    name: airflow
    uri: 123456789012.dkr.ecr.eu-central-1.amazonaws.com/company/airflow:3.3.2

- name: Delete the repository and the images in it
  sm2a.airflow.image:
    environment: dev
    region: eu-central-1
    name: airflow
    state: absent
"""
    ROLE_OPTIONS = {
        "uris": Option(
            "dict",
            "Images that exist elsewhere and are used as they are, by the names of the images they stand for.",
            default={},
        )
    }
    CHECK_MODE = (
        "Where Docker is missing, an image that would stay in this machine's Docker is reported as missing too.",
    )
    FACTS_DOC = "Facts come back as C(sm2a_image_) and the image's name."
    CONSTRAINTS = {"mutually_exclusive": [("source", "uri")]}

    @property
    def facts_name(self) -> str:
        return f"sm2a_image_{self.options['name'].replace('-', '_')}"

    def rules(self) -> Iterator[OptionError]:
        if self.options["state"] == "absent":
            return
        if self.options["uri"]:
            for option in ("requirements", "system_packages", "files"):
                if self.options[option]:
                    rule = "nothing can be added to an image that exists, which uri names; make an image from it"
                    yield OptionError(option, self.options[option], rule, ADDING)
            return
        source = self.options["source"]
        if not source:
            yield OptionError("source", None, "either source, a folder to build, or uri, an image, is needed")
        elif not Path(source).is_dir():
            yield OptionError("source", source, "there is no such folder on the controller")
        elif not Path(source, "Dockerfile").is_file():
            yield OptionError("source", source, "there is no Dockerfile in the folder", DOCKERFILES)
        yield from self._faults_of_bundles()
        yield from self._faults_of_arguments()
        yield from self._faults_of_requirements()
        yield from self._faults_of_files()

    def _faults_of_bundles(self) -> Iterator[OptionError]:
        for option in ("ca_bundle", "database_ca_bundle"):
            bundle = self.options[option]
            if bundle and not Path(bundle).is_file():
                yield OptionError(option, bundle, "there is no such file on the controller")
            elif bundle and option == "database_ca_bundle" and not _knows_region(Path(bundle), self.aws.region):
                rule = (
                    f"it has authorities of RDS, but not those of {self.aws.region}, so that no container could "
                    "connect to its database; download AWS's file and give its path"
                )
                yield OptionError(option, bundle, rule, DATABASE_TLS)

    def _faults_of_arguments(self) -> Iterator[OptionError]:
        for key, value in self.options["build_arguments"].items():
            if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", str(key)):
                rule = "a name has letters, digits and underscores"
                yield OptionError("build_arguments", key, rule, f"{DOCKERFILES}#arg")
            elif holds_secret(key, value):
                rule = "it looks like a secret, and whoever has the image can read its build arguments"
                yield OptionError("build_arguments", key, rule, f"{DOCKERFILES}#arg")

    def _faults_of_requirements(self) -> Iterator[OptionError]:
        for requirement in self.options["requirements"]:
            if requirement.endswith(".txt") and not Path(requirement).is_file():
                yield OptionError("requirements", requirement, "there is no such file on the controller")
        for requirement in self._requirements():
            if not REQUIREMENT.fullmatch(requirement):
                rule = (
                    "a requirement is a package with its versions, as in some-package>=1.2; addresses, hashes and "
                    "options of pip, such as -r and -c, are not possible"
                )
                yield OptionError("requirements", requirement, rule, SPECIFIERS)
        source = self.options["source"]
        if self.options["requirements"] and source and not Path(source, LOCK).is_file():
            rule = f"{source} has no {LOCK} with what its image has already"
            yield OptionError("requirements", self.options["requirements"], rule, ADDING)

    def _requirements(self) -> list[str]:
        """Return the requirements, with those of files in the files' places."""
        found: list[str] = []
        for given in self.options["requirements"]:
            if not given.endswith(".txt"):
                found.append(given)
            elif Path(given).is_file():
                found += Path(given).read_text(encoding="utf-8").splitlines()
        without_comments = (re.sub(r"(^|\s)#.*", "", line).strip() for line in found)
        return [line for line in without_comments if line]

    def _faults_of_files(self) -> Iterator[OptionError]:
        for destination, source in self.options["files"].items():
            option, place = f"files.{destination}", _in_the_image(destination)
            if ".." in place.parts or place in map(PurePosixPath, ("/", AIRFLOW_HOME)):
                yield OptionError(option, destination, "it must be the path of a file or folder in the image", ADDING)
            elif any(place.is_relative_to(folder) for folder in NO_DESTINATION):
                yield OptionError(option, destination, "this folder is not for files of others", ADDING)
            if not isinstance(source, str) or not Path(source).expanduser().exists():
                yield OptionError(option, source, "there is no such file or folder on the controller")

    def resources(self) -> list[Resource]:
        self.image: DockerImage | None = None
        if self.options["uri"]:
            return []  # somebody else's image: neither made nor deleted here
        name = f"{self.prefix}/{self.options['name']}"
        docker = Docker(self.aws.check_mode)
        repository = self._repository(name) if self.options["push"] else None
        if self.options["state"] == "absent":
            return [repository] if repository else self._local_images(docker, name)
        self.image = DockerImage(self.aws, docker, name, self.environment, self._context(), repository)
        if repository and not self.aws.check_mode and not self.image.exists():
            docker.require()  # rather than after the repository was made
        if self.options["requirements"] and self.image.find() is None:
            self._lock_requirements(self.image.context)
        return [repository, self.image] if repository else [self.image]

    def _lock_requirements(self, context: BuildContext) -> None:
        """Find the versions of what is added. Raises OptionError if it does not go with what is there already."""
        try:
            context.locked_requirements = lock_beside(context.source, context.own_requirements, context.platform)
        except PackagesError as error:
            rule = f"they cannot be added to the packages of the image: {error}"
            raise OptionError("requirements", self.options["requirements"], rule, ADDING) from None

    def _repository(self, name: str) -> Repository:
        return Repository(
            self.aws,
            name,
            self.tags,
            kms_key_arn=self.options["kms_key_arn"],
            scan_on_push=self.options["scan_on_push"],
            keep_images=self.options["keep_images"],
            keep_untagged_images=self.options["keep_untagged_images"],
        )

    def _context(self) -> BuildContext:
        network, database = (
            Path(self.options[option]) if self.options[option] else None
            for option in ("ca_bundle", "database_ca_bundle")
        )
        build_arguments = {str(key): str(value) for key, value in self.options["build_arguments"].items()}
        if self.options["system_packages"]:
            build_arguments[SYSTEM_PACKAGES] = " ".join(sorted(set(self.options["system_packages"])))
        return BuildContext(
            Path(self.options["source"]),
            build_arguments,
            # An image that stays on this machine is for this machine, whatever that is.
            self.options["platform"] or (PUSHED_PLATFORM if self.options["push"] else None),
            network,
            database,
            self.options["refresh"],
            self._requirements(),
            {
                str(_in_the_image(destination)): Path(source).expanduser()
                for destination, source in self.options["files"].items()
            },
        )

    def _local_images(self, docker: Docker, name: str) -> list[Resource]:
        references = docker.images(name, f"{ENVIRONMENT}={self.environment}")
        return [LocalImage(self.aws, docker, reference) for reference in references]

    def facts(self) -> dict[str, Any]:
        name = self.options["name"]
        if self.image:
            repository = self.image.uri.rpartition(":")[0]
            return {"name": name, "uri": self.image.uri, "repository_uri": repository, "tag": self.image.tag}
        return image_facts(name, self.options["uri"])


def _in_the_image(destination: Any) -> PurePosixPath:
    """Return where a file lies in the image."""
    return PurePosixPath(AIRFLOW_HOME, str(destination))


def _knows_region(bundle: Path, region: str) -> bool:
    """Tell whether a file of authorities has RDS's for a region; a file without any of RDS's is somebody's own."""
    blocks = re.findall(rb"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", bundle.read_bytes(), re.DOTALL)
    # A certificate's names stand in it as they are, behind base64.
    names = [binascii.a2b_base64(block) for block in blocks]
    known = [name for name in names if b"Amazon RDS " in name]
    return not known or any(f"Amazon RDS {region} Root CA".encode() in name for name in known)


def image_facts(name: str, uri: str) -> dict[str, Any]:
    """Return what the next roles need to know of an image that exists."""
    match = IMAGE.fullmatch(uri)
    if match is None:
        raise AssertionError(f"{uri!r} was to be refused before")
    return {
        "name": name,
        "uri": uri,
        "repository_uri": match["repository"],
        # A digest alone says more than a tag would.
        "tag": match["tag"] or (None if match["digest"] else "latest"),
    }
