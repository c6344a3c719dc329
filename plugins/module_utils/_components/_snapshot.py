# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a database can be restored from a snapshot as the options say, asked before anything is made."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .._reconcile.aws import Aws
from .._reconcile.errors import OptionError, ignoring
from .._reconcile.values import KNOWN_AFTER_APPLY
from .._resources.rds import describe_instance, describe_snapshot, major_version

OPTION = "snapshot_identifier"
RESTORE = "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_RestoreFromSnapshot.html"
ENCRYPTION = "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Overview.Encryption.html"
KEY_STATES = "https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html"


def snapshot_faults(
    aws: Aws, instance: str, identifier: str, *, engine: str, version: str, username: str
) -> Iterator[OptionError]:
    """Yield why a snapshot cannot become the instance. Where that exists already nothing is restored.

    ``username`` is the master user's, or "(known after apply)".
    """
    if describe_instance(aws, instance) is not None:
        return
    snapshot = describe_snapshot(aws, identifier)
    if snapshot is None:
        yield OptionError(OPTION, identifier, f"there is no such snapshot in {aws.region}", RESTORE)
        return
    status = snapshot.get("Status", "available")
    if status != "available":
        yield OptionError(OPTION, identifier, f"it is {status}", RESTORE)
    yield from _engine_faults(identifier, snapshot, engine, version)
    found = snapshot.get("MasterUsername", username)
    if username not in (KNOWN_AFTER_APPLY, found):
        rule = (
            f"its master user is {found!r}, which RDS cannot rename, and that of the secret database/master is "
            f"{username!r}; write the snapshot's into the secret, or set secrets_database_username before it is made"
        )
        yield OptionError(OPTION, identifier, rule, RESTORE)
    if not snapshot.get("Encrypted", True):
        rule = "it is not encrypted; copy it with a KMS key and restore the copy"
        yield OptionError(OPTION, identifier, rule, ENCRYPTION)
    yield from _key_faults(aws, identifier, snapshot.get("KmsKeyId"))


def _engine_faults(identifier: str, snapshot: dict[str, Any], engine: str, version: str) -> Iterator[OptionError]:
    """Yield a difference of the engine or its major version. A newer minor version stays, as on any instance."""
    found = str(snapshot["EngineVersion"])
    if snapshot["Engine"] != engine:
        yield OptionError(OPTION, identifier, f"it is of {snapshot['Engine']} {found}, not of {engine}", RESTORE)
        return
    if major_version(engine, found) != major_version(engine, version):
        rule = (
            f"it is of {engine} {found}, and engine_version is {version}; restore it with the snapshot's, and change "
            "engine_version afterwards"
        )
        yield OptionError(OPTION, identifier, rule, RESTORE)


def _key_faults(aws: Aws, identifier: str, key: str | None) -> Iterator[OptionError]:
    """Yield that the key of the snapshot cannot be used. A key that we may not look at is RDS's to judge."""
    # Emulators make up keys that are none.
    if not key or not key.startswith("arn:"):
        return
    with ignoring("AccessDeniedException"):
        state = "deleted"
        with ignoring("NotFoundException"):
            state = str(aws.client("kms").describe_key(KeyId=key)["KeyMetadata"]["KeyState"])
        if state != "Enabled":
            yield OptionError(OPTION, identifier, f"the key that encrypts it, {key}, is {state}", KEY_STATES)
