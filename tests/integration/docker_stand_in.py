# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A stand-in for the command `docker`, for machines and emulators that have no Docker and no registry.

It keeps images in a file, notes how it was called, and puts what is pushed straight into the emulated ECR. What real
Docker does with our Dockerfiles is the end-to-end tests' business.
"""

from __future__ import annotations

import fcntl
import json
import os
import sys
from pathlib import Path
from typing import Any

STATE = Path(os.environ["STAND_IN_STATE"])
VISIBLE = ("DOCKER_BUILDKIT", "DOCKER_CONFIG", "DOCKER_HOST", "HTTPS_PROXY")


def read(name: str, default: Any) -> Any:
    path = STATE / name
    return json.loads(path.read_text()) if path.exists() else default


def write(name: str, value: Any) -> None:
    (STATE / name).write_text(json.dumps(value))


def fail(message: str) -> int:
    print(message, file=sys.stderr)
    return 1


def build(arguments: list[str], images: dict[str, str]) -> int:
    context = Path(arguments[-1])
    seen = {str(path.relative_to(context)): oct(path.stat().st_mode & 0o777) for path in context.rglob("*")}
    write("context.json", seen)
    if "fail" in (context / "Dockerfile").read_text():
        return fail("Step 1/1 : RUN false\nThe command '/bin/sh -c false' returned a non-zero code: 1")
    labels = [arguments[position + 1] for position, word in enumerate(arguments) if word == "--label"]
    images[arguments[arguments.index("--tag") + 1]] = labels[0]
    write("images.json", images)
    return 0


def push(reference: str, images: dict[str, str]) -> int:
    if reference not in images:
        return fail(f"An image does not exist locally with the tag: {reference}")
    if os.environ.get("STAND_IN_PUSH_FAILS"):
        return fail("denied: the network is down")
    config = json.loads(Path(os.environ["DOCKER_CONFIG"], "config.json").read_text())
    if not config.get("auths"):
        return fail("no basic auth credentials")
    repository, _colon, tag = reference.partition("/")[2].partition(":")
    import boto3  # only here: every other command is to be quick

    ecr = boto3.client("ecr", endpoint_url=os.environ["STAND_IN_ENDPOINT"], region_name="eu-central-1",
                       aws_access_key_id="local", aws_secret_access_key="emulator-only")  # fmt: skip
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "config": {"mediaType": "application/vnd.docker.container.image.v1+json", "size": 1, "digest": "sha256:0"},
        "layers": [],
        "annotations": {"tag": tag},
    }
    ecr.put_image(repositoryName=repository, imageTag=tag, imageManifest=json.dumps(manifest))
    return 0


def answer(command: str, last: str, arguments: list[str], images: dict[str, str]) -> int:
    """Answer the commands that only read."""
    if command == "version --format":
        print("20.10.24")
    elif command == "buildx version":
        return 0 if os.environ.get("STAND_IN_BUILDX") else fail("docker: 'buildx' is not a docker command.")
    elif command == "context inspect":
        print("unix:///run/user/1000/docker.sock")
    elif command == "image inspect":
        return 0 if last in images else fail(f"Error: No such image: {last}")
    elif command == "image ls":
        filters = [value.partition("=") for value in arguments if value.startswith(("reference=", "label="))]
        wanted = {key: value for key, _equals, value in filters}
        for name, label in images.items():
            if name.startswith(wanted["reference"].removesuffix("*")) and label == wanted["label"]:
                print(name)
    else:
        return fail(f"the stand-in does not know: docker {' '.join(arguments)}")
    return 0


def note(arguments: list[str]) -> None:
    """Write down how the stand-in was called."""
    environment = {name: os.environ[name] for name in VISIBLE if name in os.environ}
    call = {"arguments": arguments, "environment": environment, "stdin": bool(sys.stdin.read())}
    write("calls.json", [*read("calls.json", []), call])


def main(arguments: list[str]) -> int:
    images = read("images.json", {})
    note(arguments)
    command, last = " ".join(arguments[:2]), arguments[-1]
    if arguments[0] == "build":
        return build(arguments, images)
    if arguments[0] == "push":
        return push(last, images)
    if arguments[0] == "login":
        Path(os.environ["DOCKER_CONFIG"], "config.json").write_text(json.dumps({"auths": {last: {}}}))
        return 0
    if command == "image rm":
        images.pop(last)
        write("images.json", images)
        return 0
    return answer(command, last, arguments, images)


if __name__ == "__main__":
    # Two threads of the module may call at once.
    with (STATE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        code = main(sys.argv[1:])
    sys.exit(code)
