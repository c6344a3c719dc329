# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two buckets, one for Airflow's logs and one for its DAGs, and the DAGs themselves where they come from a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .._reconcile.errors import OptionError
from .._reconcile.resource import Resource
from .._resources.s3 import OURS, Bucket, BucketObject, keys_in
from ._base import Component
from ._kms_rules import kms_key_option
from ._names import bucket_name
from ._option import Option, Return
from ._option_rules import BUCKET_NAME

LIFECYCLE = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html"
KEY_NAMES = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html"
PUT_OBJECT = "https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html"
ACCESS_LOGS = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html"
DAG_PREFIX = "dags/"
GIB = 1024**3
# Days are numbers of 32 bits in S3's API: https://docs.aws.amazon.com/AmazonS3/latest/API/API_LifecycleExpiration.html
MOST_DAYS = 2**31 - 1
DAYS = f"it must be 0 (never) or a number of days, at most {MOST_DAYS}"
# An unfinished upload is paid for and never seen.
UNFINISHED_UPLOAD_DAYS = 7


class StorageComponent(Component):
    """Buckets named ``sm2a-<environment>-<logs or dags>-<account>-<region>``."""

    NAME = "storage"
    SUMMARY = "S3 buckets for Airflow's logs and DAGs"
    DESCRIPTION = (
        "Creates one bucket for the logs of tasks and one, with versioning, for DAGs.",
        "Both are private, encrypted, owned by the account in all they hold, and refuse plain HTTP.",
        "Uploads the DAGs of a folder, if one is named.",
    )
    TASK = "Create the buckets for logs and DAGs"
    WAITS = False
    MAIN = ("dags_path", "delete_buckets")
    OPTIONS = {
        "kms_key_arn": kms_key_option(
            "KMS key that encrypts what the buckets hold.",
            "Without it what exists keeps the key that it has, and S3 encrypts new buckets with keys of its own.",
        ),
        "log_transition_days": Option(
            "int",
            (
                "Days after which logs move to the storage class C(STANDARD_IA), at least 30. V(0) means never.",
                "S3 moves only objects of 128 KiB or more.",
            ),
            default=0,
            least=0,
            most=MOST_DAYS,
            rule=DAYS,
            why=LIFECYCLE,
        ),
        "log_expiration_days": Option(
            "int",
            "Days after which logs are deleted. V(0) means never.",
            default=365,
            least=0,
            most=MOST_DAYS,
            rule=DAYS,
            why=LIFECYCLE,
        ),
        "log_versioning": Option(
            "bool",
            (
                "Whether the bucket for logs keeps what is replaced or deleted, as the one for DAGs does, for "
                "O(dag_version_days).",
                "What has versions already keeps them.",
            ),
            default=False,
        ),
        "access_log_bucket": Option(
            "str",
            (
                "Bucket of yours in which S3 notes every request to these buckets, below their names. Its policy must "
                "let C(logging.s3.amazonaws.com) write, and it must not be encrypted with a KMS key.",
                "Without it what is set stays.",
            ),
            form=BUCKET_NAME,
            why=ACCESS_LOGS,
        ),
        "dag_version_days": Option(
            "int",
            "Days after which replaced or deleted versions are deleted for good. V(0) means never.",
            default=90,
            least=0,
            most=MOST_DAYS,
            rule=DAYS,
            why=LIFECYCLE,
        ),
        "deny_plain_http": Option(
            "bool",
            (
                "Whether the policy of each bucket refuses requests that are not encrypted in transit.",
                "Statements of others in the policy are left alone, unless they let in everybody or another account.",
            ),
            default=True,
        ),
        "dags_path": Option(
            "path",
            (
                "Folder on the controller whose files are uploaded to C(dags/) in the bucket for DAGs.",
                "Only files whose content differs are uploaded.",
                "Hidden files other than C(.airflowignore), and compiled Python, are left out.",
            ),
        ),
        "dags_purge": Option(
            "bool",
            "Whether files below C(dags/) in the bucket that are not in O(dags_path) are deleted.",
            default=False,
        ),
        "delete_buckets": Option(
            "bool",
            (
                "With O(state=absent), whether the buckets are deleted, with every version of every object in them.",
                "If V(false) the buckets and what they hold are kept.",
            ),
            default=False,
        ),
    }
    RETURNS = {
        "log_bucket": Return("str", "Name of the bucket for logs.", "sm2a-dev-logs-123456789012-eu-central-1"),
        "dag_bucket": Return("str", "Name of the bucket for DAGs.", "sm2a-dev-dags-123456789012-eu-central-1"),
        "log_bucket_arn": Return(
            "str", "ARN of the bucket for logs.", "arn:aws:s3:::sm2a-dev-logs-123456789012-eu-central-1"
        ),
        "dag_bucket_arn": Return(
            "str", "ARN of the bucket for DAGs.", "arn:aws:s3:::sm2a-dev-dags-123456789012-eu-central-1"
        ),
    }
    PLAN = ("AWS::S3::Bucket", "sm2a-dev-logs-123456789012-eu-central-1")
    EXAMPLES = """
- name: Buckets for logs and DAGs
  sm2a.airflow.storage:
    environment: dev
    region: eu-central-1
    log_transition_days: 30
    log_expiration_days: 180

- name: Make a folder for DAGs
  ansible.builtin.file:
    path: "{{ playbook_dir }}/dags"
    state: directory
    mode: "0755"
  check_mode: false

- name: Write a DAG
  ansible.builtin.copy:
    dest: "{{ playbook_dir }}/dags/hello.py"
    content: |
      from airflow.sdk import dag, task

      @dag(schedule="@daily")
      def hello():
          @task
          def greet():
              print("hello")

          greet()

      hello()
    mode: "0644"
  check_mode: false

- name: The same, with the DAGs of the folder, and no others
  sm2a.airflow.storage:
    environment: dev
    region: eu-central-1
    dags_path: "{{ playbook_dir }}/dags"
    dags_purge: true

- name: Delete the buckets and everything in them
  sm2a.airflow.storage:
    environment: dev
    region: eu-central-1
    state: absent
    delete_buckets: true
"""

    def rules(self) -> Iterator[OptionError]:
        transition, expiration = self.options["log_transition_days"], self.options["log_expiration_days"]
        if 0 < transition < 30:
            yield OptionError("log_transition_days", transition, "STANDARD_IA takes objects after 30 days", LIFECYCLE)
        elif transition and 0 < expiration <= transition:
            rule = f"logs must expire later than they move to STANDARD_IA, which is after {transition} days"
            yield OptionError("log_expiration_days", expiration, rule, LIFECYCLE)
        if self.options["state"] == "present":
            yield from self._faults_of_dags()

    def _faults_of_dags(self) -> Iterator[OptionError]:
        path = self.options["dags_path"]
        if not path:
            if self.options["dags_purge"]:
                yield OptionError("dags_purge", True, "it needs dags_path, the folder to compare with")
            return
        if not os.path.isdir(path):
            yield OptionError("dags_path", path, "there is no such folder on the controller")
            return
        files = self._dag_files()
        if not files and self.options["dags_purge"]:
            yield OptionError("dags_path", path, "it holds no file, and dags_purge would delete every DAG")
        for key, file in files.items():
            if len(key.encode()) > 1024:
                yield OptionError("dags_path", str(file), "its key would be longer than 1024 bytes", KEY_NAMES)
            if file.stat().st_size > 5 * GIB:
                yield OptionError("dags_path", str(file), "one upload has at most 5 GiB", PUT_OBJECT)

    def _dag_files(self) -> dict[str, Path]:
        """Return the files to upload by key: neither hidden ones (but ``.airflowignore``) nor compiled ones."""
        root = Path(self.options["dags_path"])
        files = {}
        for folder, folders, names in os.walk(root):
            folders[:] = sorted(name for name in folders if not name.startswith(".") and name != "__pycache__")
            for name in sorted(names):
                file = Path(folder, name)
                hidden = name.startswith(".") and name != ".airflowignore"
                if not hidden and file.suffix != ".pyc" and file.is_file():
                    files[DAG_PREFIX + file.relative_to(root).as_posix()] = file
        return files

    def resources(self) -> list[Resource]:
        place = (self.aws.account_id, self.aws.region)
        settings = {option: self.options[option] for option in ("kms_key_arn", "deny_plain_http", "access_log_bucket")}
        versioned = self.options["log_versioning"]
        self.logs = Bucket(
            self.aws,
            bucket_name(self.environment, "logs", *place),
            self.tags,
            versioning=versioned,
            **settings,
            lifecycle_rules=[
                *self._log_rules(),
                *(self._version_rules() if versioned else []),
                _unfinished_uploads(),
            ],
        )
        self.dags = Bucket(
            self.aws,
            bucket_name(self.environment, "dags", *place),
            self.tags,
            versioning=True,
            **settings,
            lifecycle_rules=[*self._version_rules(), _unfinished_uploads()],
        )
        if self.options["state"] == "absent":
            return [self.logs, self.dags] if self.options["delete_buckets"] else []
        return [self.logs, self.dags, *self._dag_objects()]

    def _dag_objects(self) -> list[BucketObject]:
        if not self.options["dags_path"]:
            return []
        files = self._dag_files()
        objects = [BucketObject(self.dags, key, file) for key, file in files.items()]
        if self.options["dags_purge"]:
            for key in keys_in(self.aws, self.dags.name, DAG_PREFIX):
                if key not in files:
                    vanished = BucketObject(self.dags, key)
                    vanished.absent = True
                    objects.append(vanished)
        return objects

    def _log_rules(self) -> list[dict[str, Any]]:
        rules = []
        if self.options["log_transition_days"]:
            transition = {"Days": self.options["log_transition_days"], "StorageClass": "STANDARD_IA"}
            rules.append(_rule("log-transition", {"Transitions": [transition]}))
        if self.options["log_expiration_days"]:
            rules.append(_rule("log-expiration", {"Expiration": {"Days": self.options["log_expiration_days"]}}))
        return rules

    def _version_rules(self) -> list[dict[str, Any]]:
        days = self.options["dag_version_days"]
        if not days:
            return []
        return [_rule("old-versions", {"NoncurrentVersionExpiration": {"NoncurrentDays": days}})]

    def facts(self) -> dict[str, Any]:
        return {
            "log_bucket": self.logs.name,
            "dag_bucket": self.dags.name,
            "log_bucket_arn": self.logs.arn,
            "dag_bucket_arn": self.dags.arn,
        }


def _rule(name: str, actions: dict[str, Any]) -> dict[str, Any]:
    return {"ID": f"{OURS}{name}", "Status": "Enabled", "Filter": {"Prefix": ""}, **actions}


def _unfinished_uploads() -> dict[str, Any]:
    return _rule(
        "unfinished-uploads", {"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": UNFINISHED_UPLOAD_DAYS}}
    )
