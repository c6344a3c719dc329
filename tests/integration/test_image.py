# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The image module against both emulators, with a stand-in for Docker. The end-to-end tests have Docker itself."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from emulators import Account

STAND_IN = Path(__file__).with_name("docker_stand_in.py")
REPOSITORY = "sm2a-test/airflow"


@dataclass
class StandIn:
    """What the stand-in for Docker noted."""

    state: Path

    @property
    def calls(self) -> list[dict[str, Any]]:
        path = self.state / "calls.json"
        return json.loads(path.read_text()) if path.exists() else []

    def of(self, command: str) -> list[dict[str, Any]]:
        return [call for call in self.calls if call["arguments"][0] == command]

    @property
    def images(self) -> list[str]:
        path = self.state / "images.json"
        return sorted(json.loads(path.read_text())) if path.exists() else []

    def context(self) -> dict[str, str]:
        """The files that were sent to the last build, with their modes."""
        return json.loads((self.state / "context.json").read_text())


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, account: Account) -> StandIn:
    """A stand-in for Docker, the first on PATH."""
    programs, state = tmp_path / "programs", tmp_path / "state"
    programs.mkdir()
    state.mkdir()
    docker = programs / "docker"
    docker.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{STAND_IN}" "$@"\n')
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=os.pathsep)
    monkeypatch.setenv("STAND_IN_STATE", str(state))
    monkeypatch.setenv("STAND_IN_ENDPOINT", account.emulator.url)
    return StandIn(state)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A build context."""
    folder = tmp_path / "image"
    (folder / "package").mkdir(parents=True)
    (folder / "Dockerfile").write_text("FROM scratch\nCOPY . /\n")
    (folder / "README.md").write_text("not for the image\n")
    (folder / ".dockerignore").write_text("README.md\n")
    (folder / "package" / "main.py").write_text("print('hello')\n")
    (folder / "start").write_text("#!/bin/sh\n")
    (folder / "start").chmod(0o775)
    return folder


def tags(account: Account) -> list[str]:
    return sorted(
        tag
        for image in account.client("ecr").describe_images(repositoryName=REPOSITORY)["imageDetails"]
        for tag in image.get("imageTags", [])
    )


def test_lifecycle(account: Account, stand_in: StandIn, source: Path) -> None:
    results = account.lifecycle(
        "image", change={"build_arguments": {"A": "1"}, "keep_images": 3}, name="airflow", source=str(source)
    )

    assert results["plan"]["image"] == results["create"]["image"]
    assert len(stand_in.of("build")) == len(stand_in.of("push")) == 2


@pytest.mark.parametrize("principal", ["*", {"AWS": "arn:aws:iam::999999999999:root"}])
def test_who_may_push_and_pull_by_hand_is_shown_and_shut_out(
    account: Account, stand_in: StandIn, source: Path, principal: Any
) -> None:
    options = {"name": "airflow", "source": str(source)}
    account.run("image", **options)
    statement = {"Sid": "open", "Effect": "Allow", "Principal": principal, "Action": "ecr:*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    account.client("ecr").set_repository_policy(repositoryName=REPOSITORY, policyText=policy)

    planned, done, again = (account.run("image", check, **options) for check in (True, False, False))

    label = f"AWS::ECR::Repository {REPOSITORY}"
    assert (
        planned["diff"]
        == done["diff"]
        == {
            "before": {label: {"open_policy_statements": [statement]}},
            "after": {label: {"open_policy_statements": []}},
        }
    )
    assert planned["api_calls"]["write"] == 0 and not again["changed"]
    with pytest.raises(ClientError, match="RepositoryPolicyNotFoundException"):
        account.client("ecr").get_repository_policy(repositoryName=REPOSITORY)


@pytest.mark.parametrize(
    ("operation", "change", "field"),
    [
        ("put_image_tag_mutability", {"imageTagMutability": "MUTABLE"}, "image_tag_mutability"),
        ("put_image_scanning_configuration", {"imageScanningConfiguration": {"scanOnPush": False}}, "scan_on_push"),
        ("delete_lifecycle_policy", {}, "lifecycle_policy"),
    ],
)
def test_what_somebody_changed_by_hand_is_shown_and_repaired(
    account: Account, stand_in: StandIn, source: Path, operation: str, change: dict[str, Any], field: str
) -> None:
    options = {"name": "airflow", "source": str(source)}
    account.run("image", **options)
    getattr(account.client("ecr"), operation)(repositoryName=REPOSITORY, **change)

    planned, done, again = (account.run("image", check, **options) for check in (True, False, False))

    [before] = planned["diff"]["before"].values()
    assert before.keys() == {field}
    assert planned["diff"] == done["diff"] and len(done["diff"]["after"]) == 1 and not again["changed"]


def test_lifecycle_without_pushing(account: Account, stand_in: StandIn, source: Path) -> None:
    results = account.lifecycle(
        "image", change={"build_arguments": {"A": "1"}}, name="airflow", source=str(source), push=False
    )

    image = results["create"]["image"]
    assert image["uri"] == f"{REPOSITORY}:{image['tag']}"
    assert results["create"]["ansible_facts"]["sm2a_image_airflow"] == image
    assert results["create"]["api_calls"]["write"] == 0
    assert stand_in.images == [] and not stand_in.of("push")


def test_image_is_built_and_pushed(account: Account, stand_in: StandIn, source: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "authorities.pem"
    bundle.write_text("certificates\n")

    result = account.run("image", name="airflow", source=str(source), ca_bundle=str(bundle))

    image = result["image"]
    assert not result.get("failed"), result.get("msg")
    assert tags(account) == [image["tag"]]
    assert image["repository_uri"].endswith(f".dkr.ecr.eu-central-1.amazonaws.com/{REPOSITORY}")
    assert stand_in.context() == {
        "Dockerfile": "0o644",
        "ca-bundle.crt": "0o644",
        "package": "0o755",
        "package/main.py": "0o644",
        "start": "0o755",
    }
    build = stand_in.of("build")[0]
    assert "linux/amd64" in build["arguments"] and "--load" not in build["arguments"]
    assert build["environment"]["DOCKER_BUILDKIT"] == "0"  # there is no buildx
    without = account.run("image", name="airflow", source=str(source))
    assert not without["changed"] and without["image"] == image, "the authorities are not part of the tag"
    repository = account.client("ecr").describe_repositories(repositoryNames=[REPOSITORY])["repositories"][0]
    assert repository["imageTagMutability"] == "IMMUTABLE"
    assert repository["imageScanningConfiguration"] == {"scanOnPush": True}


def test_the_registry_password_is_on_no_command_line(account: Account, stand_in: StandIn, source: Path) -> None:
    result = account.run("image", name="airflow", source=str(source))

    login, push = stand_in.of("login")[0], stand_in.of("push")[0]
    assert login["stdin"] and "--password-stdin" in login["arguments"]
    assert "auth-token" not in json.dumps([stand_in.calls, result])
    folder = login["environment"]["DOCKER_CONFIG"]
    assert push["environment"] == {"DOCKER_CONFIG": folder, "DOCKER_HOST": "unix:///run/user/1000/docker.sock"}
    assert not Path(folder).exists()


def test_buildx_makes_a_plain_image(
    account: Account, stand_in: StandIn, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAND_IN_BUILDX", "1")

    account.run("image", name="airflow", source=str(source), platform="linux/arm64")

    build = stand_in.of("build")[0]
    assert {"--load", "--provenance=false", "linux/arm64"} <= set(build["arguments"])
    assert "DOCKER_BUILDKIT" not in build["environment"]


def test_what_a_user_adds_goes_into_the_build(
    account: Account, stand_in: StandIn, source: Path, tmp_path: Path
) -> None:
    script = tmp_path / "any-name"
    script.write_text("true\n")
    options = {"name": "airflow", "source": str(source)}
    added = {"files": {"startup.sh": str(script)}, "system_packages": ["libpq5", "g++"]}

    plain = account.run("image", **options)
    images = [account.run("image", **options, **added) for _time in range(2)]

    assert [image["changed"] for image in images] == [True, False]
    assert images[0]["image"]["tag"] != plain["image"]["tag"]
    assert "SYSTEM_PACKAGES=g++ libpq5" in stand_in.of("build")[-1]["arguments"]
    assert "own-files.tar" in stand_in.context()


@pytest.mark.parametrize("check", [True, False])
def test_packages_that_do_not_go_together_are_refused_before_anything_is_made(
    account: Account, stand_in: StandIn, source: Path, monkeypatch: pytest.MonkeyPatch, check: bool
) -> None:
    (source / "requirements.txt").write_text("botocore==1.43.117\n")
    monkeypatch.setenv("UV_OFFLINE", "1")

    result = account.run("image", check=check, name="airflow", source=str(source), requirements=["botocore==1.0"])

    assert result["failed"] and "requirements" in result["msg"]
    assert "botocore==1.43.117" in result["msg"] and "botocore==1.0" in result["msg"]
    assert not stand_in.of("build") and not result.get("api_calls", {}).get("write")
    assert account.client("ecr").describe_repositories()["repositories"] == []


def test_another_word_makes_the_image_anew_from_a_new_base(account: Account, stand_in: StandIn, source: Path) -> None:
    images = [account.run("image", name="airflow", source=str(source))]
    images += [account.run("image", name="airflow", source=str(source), refresh=word) for word in ("a", "a", "b")]

    assert [image["changed"] for image in images] == [True, True, False, True]
    assert len({image["image"]["tag"] for image in images}) == 3
    anew = [{"--pull", "--no-cache"} <= set(build["arguments"]) for build in stand_in.of("build")]
    assert anew == [False, True, True]


def test_the_value_of_a_proxy_is_on_no_command_line(account: Account, stand_in: StandIn, source: Path) -> None:
    plain = account.run("image", check=True, name="airflow", source=str(source))
    arguments = {"HTTPS_PROXY": "http://user:word@proxy:3128"}

    result = account.run("image", name="airflow", source=str(source), build_arguments=arguments)

    build = stand_in.of("build")[0]
    assert "HTTPS_PROXY" in build["arguments"] and "word@proxy" not in json.dumps(build["arguments"])
    assert build["environment"]["HTTPS_PROXY"] == arguments["HTTPS_PROXY"]
    assert result["image"] == plain["image"]


def test_an_interrupted_push_is_taken_up_without_another_build(
    account: Account, stand_in: StandIn, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAND_IN_PUSH_FAILS", "1")
    failed = account.run("image", name="airflow", source=str(source))
    assert failed["failed"] and "the network is down" in failed["msg"]
    monkeypatch.delenv("STAND_IN_PUSH_FAILS")

    result = account.run("image", name="airflow", source=str(source))

    assert not result.get("failed") and tags(account) == [result["image"]["tag"]]
    assert len(stand_in.of("build")) == 1


def test_a_failed_build_shows_its_last_lines(account: Account, stand_in: StandIn, source: Path) -> None:
    (source / "Dockerfile").write_text("FROM scratch\nRUN fail\n")

    result = account.run("image", name="airflow", source=str(source))

    assert result["failed"] and "returned a non-zero code: 1" in result["msg"]


def test_without_docker_nothing_is_created(
    account: Account, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    planned = account.run("image", check=True, name="airflow", source=str(source))
    result = account.run("image", name="airflow", source=str(source))

    assert planned["changed"] and len(planned["plan"]) == 2
    assert result["failed"] and "the command docker is not on the PATH" in result["msg"]
    assert account.client("ecr").describe_repositories()["repositories"] == []


def test_without_docker_an_image_that_exists_is_enough(
    account: Account, stand_in: StandIn, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    account.run("image", name="airflow", source=str(source))
    monkeypatch.setenv("PATH", str(tmp_path))

    result = account.run("image", name="airflow", source=str(source))

    assert not result["changed"] and not result.get("failed")


def test_drift_of_the_repository_is_repaired(account: Account, stand_in: StandIn, source: Path) -> None:
    account.run("image", name="airflow", source=str(source))
    ecr = account.client("ecr")
    ecr.put_image_tag_mutability(repositoryName=REPOSITORY, imageTagMutability="MUTABLE")
    ecr.delete_lifecycle_policy(repositoryName=REPOSITORY)

    result = account.run("image", name="airflow", source=str(source))

    assert result["diff"]["before"] == {
        f"AWS::ECR::Repository {REPOSITORY}": {"image_tag_mutability": "MUTABLE", "lifecycle_policy": None}
    }
    assert len(stand_in.of("build")) == 1
    assert not account.run("image", name="airflow", source=str(source))["changed"]


def test_encryption_of_a_repository_stays(account: Account, stand_in: StandIn, source: Path) -> None:
    account.run("image", name="airflow", source=str(source))
    key = account.client("kms").create_key()["KeyMetadata"]["Arn"]

    assert not account.run("image", name="airflow", source=str(source), kms_key_arn=key)["changed"]
    account.run("image", name="scaler", source=str(source), kms_key_arn=key)

    found = account.client("ecr").describe_repositories(repositoryNames=["sm2a-test/scaler"])["repositories"][0]
    assert found["encryptionConfiguration"] == {"encryptionType": "KMS", "kmsKey": key}


def test_a_foreign_repository_is_left_alone(account: Account, stand_in: StandIn, source: Path) -> None:
    ecr = account.client("ecr")
    ecr.create_repository(repositoryName=REPOSITORY)

    result = account.run("image", name="airflow", source=str(source))

    assert result["failed"] and "was not created by the SM2A environment 'test'" in result["msg"]
    account.run("image", name="airflow", state="absent")
    assert ecr.describe_repositories(repositoryNames=[REPOSITORY])["repositories"]


def test_an_existing_image_is_used_as_it_is(account: Account) -> None:
    uri = "registry.example.com:5000/company/airflow:3.3.2"

    result = account.run("image", name="airflow", uri=uri)

    assert not result["changed"] and result["plan"] == []
    assert result["image"] == {
        "environment": "test",
        "name": "airflow",
        "uri": uri,
        "repository_uri": "registry.example.com:5000/company/airflow",
        "tag": "3.3.2",
    }
