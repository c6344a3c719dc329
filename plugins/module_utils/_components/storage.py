# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two buckets, one for Airflow's logs and one for its DAGs, and the DAGs themselves where they come from a folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from .._reconcile.errors import OptionError
from .._reconcile.resource import Resource
from .._resources.s3 import OURS, Bucket, BucketObject, keys_in
from ._base import Component
from ._kms_rules import validate_kms_key_arn
from ._names import bucket_name

LIFECYCLE = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html"
KEY_NAMES = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html"
PUT_OBJECT = "https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html"
DAG_PREFIX = "dags/"
GIB = 1024**3
# An unfinished upload is paid for and never seen.
UNFINISHED_UPLOAD_DAYS = 7


class StorageComponent(Component):
    """Buckets named ``sm2a-<environment>-<logs or dags>-<account>-<region>``."""

    NAME = "storage"
    ARGUMENTS = {
        "kms_key_arn": {"type": "str", "no_log": False},
        "log_transition_days": {"type": "int", "default": 0},
        "log_expiration_days": {"type": "int", "default": 365},
        "dag_version_days": {"type": "int", "default": 90},
        "deny_plain_http": {"type": "bool", "default": True},
        "dags_path": {"type": "path"},
        "dags_purge": {"type": "bool", "default": False},
        "delete_buckets": {"type": "bool", "default": False},
    }

    def validate(self) -> None:
        validate_kms_key_arn(self.options, self.aws)
        for option in ("log_transition_days", "log_expiration_days", "dag_version_days"):
            if self.options[option] < 0:
                raise OptionError(option, self.options[option], "it must be 0 (never) or a number of days", LIFECYCLE)
        transition, expiration = self.options["log_transition_days"], self.options["log_expiration_days"]
        if 0 < transition < 30:
            raise OptionError("log_transition_days", transition, "STANDARD_IA takes objects after 30 days", LIFECYCLE)
        if transition and expiration and expiration <= transition:
            rule = f"logs must expire later than they move to STANDARD_IA, which is after {transition} days"
            raise OptionError("log_expiration_days", expiration, rule, LIFECYCLE)
        if self.options["state"] == "present":
            self._validate_dags()

    def _validate_dags(self) -> None:
        path = self.options["dags_path"]
        if not path:
            if self.options["dags_purge"]:
                raise OptionError("dags_purge", True, "it needs dags_path, the folder to compare with")
            return
        if not os.path.isdir(path):
            raise OptionError("dags_path", path, "there is no such folder on the controller")
        files = self._dag_files()
        if not files and self.options["dags_purge"]:
            raise OptionError("dags_path", path, "it holds no file, and dags_purge would delete every DAG")
        for key, file in files.items():
            if len(key.encode()) > 1024:
                raise OptionError("dags_path", str(file), "its key would be longer than 1024 bytes", KEY_NAMES)
            if file.stat().st_size > 5 * GIB:
                raise OptionError("dags_path", str(file), "one upload has at most 5 GiB", PUT_OBJECT)

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
        settings = {option: self.options[option] for option in ("kms_key_arn", "deny_plain_http")}
        self.logs = Bucket(
            self.aws,
            bucket_name(self.environment, "logs", *place),
            self.tags,
            **settings,
            lifecycle_rules=[*self._log_rules(), _unfinished_uploads()],
        )
        self.dags = Bucket(
            self.aws,
            bucket_name(self.environment, "dags", *place),
            self.tags,
            versioning=True,
            **settings,
            lifecycle_rules=[*self._dag_rules(), _unfinished_uploads()],
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

    def _dag_rules(self) -> list[dict[str, Any]]:
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
