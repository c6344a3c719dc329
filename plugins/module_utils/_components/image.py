# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One container image: built where it is missing, and put where ECS can pull it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from .._reconcile.errors import OptionError
from .._reconcile.resource import Resource
from .._reconcile.tags import ENVIRONMENT
from .._resources.docker import BuildContext, Docker, DockerImage, LocalImage
from .._resources.ecr import Repository
from ._base import Component
from ._kms_rules import validate_kms_key_arn
from ._option_rules import IMAGE, IMAGES, validate_form

LIFECYCLE = "https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html"
REPOSITORIES = "https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepository.html"
DOCKERFILES = "https://docs.docker.com/reference/dockerfile/"
# Fargate's own default: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RuntimePlatform.html
PUSHED_PLATFORM = "linux/amd64"


class ImageComponent(Component):
    """An image ``sm2a-<environment>/<name>``, tagged by its content."""

    NAME = "image"
    ARGUMENTS = {
        "name": {"type": "str", "required": True},
        "source": {"type": "path"},
        "uri": {"type": "str"},
        "build_arguments": {"type": "dict", "default": {}},
        "platform": {"type": "str", "choices": ["linux/amd64", "linux/arm64"]},
        "ca_bundle": {"type": "path"},
        "push": {"type": "bool", "default": True},
        "kms_key_arn": {"type": "str", "no_log": False},
        "scan_on_push": {"type": "bool", "default": True},
        "keep_images": {"type": "int", "default": 20},
        "keep_untagged_images": {"type": "int", "default": 5},
    }
    CONSTRAINTS = {"mutually_exclusive": [("source", "uri")]}

    @property
    def facts_name(self) -> str:
        return f"sm2a_image_{self.options['name'].replace('-', '_')}"

    def validate(self) -> None:
        name = self.options["name"]
        if not re.match(r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", name) or len(name) > 64:
            rule = "at most 64 lower-case letters, digits and single hyphens, starting with a letter"
            raise OptionError("name", name, rule, REPOSITORIES)
        validate_kms_key_arn(self.options, self.aws)
        for option in ("keep_images", "keep_untagged_images"):
            if self.options[option] < 1:
                raise OptionError(option, self.options[option], "at least one image must be kept", LIFECYCLE)
        if self.options["state"] == "absent":
            return
        if self.options["uri"]:
            validate_form("uri", self.options["uri"], IMAGE, "it must be an image, registry/path:tag", IMAGES)
        elif self.options["source"]:
            self._validate_source()
        else:
            raise OptionError("source", None, "either source, a folder to build, or uri, an image, is needed")

    def _validate_source(self) -> None:
        source = self.options["source"]
        if not Path(source).is_dir():
            raise OptionError("source", source, "there is no such folder on the controller")
        if not Path(source, "Dockerfile").is_file():
            raise OptionError("source", source, "there is no Dockerfile in the folder", DOCKERFILES)
        bundle = self.options["ca_bundle"]
        if bundle and not Path(bundle).is_file():
            raise OptionError("ca_bundle", bundle, "there is no such file on the controller")
        for key in self.options["build_arguments"]:
            if not re.match(r"^[A-Za-z_][A-Za-z0-9_]*$", key):
                rule = "a name has letters, digits and underscores"
                raise OptionError("build_arguments", key, rule, f"{DOCKERFILES}#arg")

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
        return [repository, self.image] if repository else [self.image]

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
        bundle = self.options["ca_bundle"]
        return BuildContext(
            Path(self.options["source"]),
            {str(key): str(value) for key, value in self.options["build_arguments"].items()},
            # An image that stays on this machine is for this machine, whatever that is.
            self.options["platform"] or (PUSHED_PLATFORM if self.options["push"] else None),
            Path(bundle) if bundle else None,
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
