# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keys that cannot be used: what they encrypt cannot be read, restored or written either.

https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html
"""

from __future__ import annotations

from .calls import Answer, Call, Refusal

# What makes a key unusable, and what makes it usable again.
STATES = {
    "DisableKey": "Disabled",
    "ScheduleKeyDeletion": "PendingDeletion",
    "EnableKey": "Enabled",
    "CancelKeyDeletion": "Disabled",
}
# KMS's own operations that need an enabled key.
OF_KEYS = ("Encrypt", "Decrypt", "GenerateDataKey", "ReEncrypt", "CreateGrant", "EnableKeyRotation")
# What encrypts something: service, operation, where the key stands, what names the thing.
ENCRYPTING = (
    ("rds", "CreateDBInstance", "KmsKeyId", ("DBInstanceIdentifier",)),
    ("secretsmanager", "CreateSecret", "KmsKeyId", ("Name",)),
    ("secretsmanager", "UpdateSecret", "KmsKeyId", ("SecretId",)),
    ("logs", "CreateLogGroup", "kmsKeyId", ("logGroupName",)),
    ("logs", "AssociateKmsKey", "kmsKeyId", ("logGroupName",)),
    ("sqs", "CreateQueue", "KmsMasterKeyId", ("QueueName",)),
    ("sqs", "SetQueueAttributes", "KmsMasterKeyId", ("QueueUrl",)),
    ("ecr", "CreateRepository", "kmsKey", ("repositoryName",)),
    ("s3", "PutBucketEncryption", "KMSMasterKeyID", ()),
)
# What reads or writes what is encrypted: service, operations, what names the thing, and the error.
USING = (
    ("secretsmanager", ("GetSecretValue",), ("SecretId",), "DecryptionFailure"),
    ("secretsmanager", ("PutSecretValue", "UpdateSecret"), ("SecretId",), "EncryptionFailure"),
    ("rds", ("CreateDBSnapshot",), ("DBInstanceIdentifier",), "KMSKeyNotAccessibleFault"),
    ("rds", ("CopyDBSnapshot",), ("SourceDBSnapshotIdentifier",), "KMSKeyNotAccessibleFault"),
    ("rds", ("RestoreDBInstanceFromDBSnapshot",), ("DBSnapshotIdentifier",), "KMSKeyNotAccessibleFault"),
    ("logs", ("GetLogEvents", "FilterLogEvents", "PutLogEvents"), ("logGroupName",), "AccessDeniedException"),
    ("sqs", ("SendMessage", "ReceiveMessage"), ("QueueUrl",), "KMS.KMSInvalidStateException"),
    ("ecr", ("BatchGetImage", "PutImage"), ("repositoryName",), "KmsException"),
    ("s3", ("GetObject", "PutObject"), (), "KMS.KMSInvalidStateException"),
)
# The errors of what would encrypt with such a key something that is new.
MAKING = {
    "rds": "KMSKeyNotAccessibleFault",
    "secretsmanager": "EncryptionFailure",
    "logs": "InvalidParameterException",
    "sqs": "KMS.KMSInvalidStateException",
    "ecr": "KmsException",
    "s3": "KMS.KMSInvalidStateException",
}


class Keys:
    """Knows the state of keys and what they encrypt."""

    def __init__(self) -> None:
        self._states: dict[str, str] = {}
        self._aliases: dict[str, str] = {}
        self._key_of: dict[tuple[str, str], str] = {}

    def _key(self, name: str) -> str:
        """Return the id of a key that is named by its ARN, its id or an alias."""
        bare = name.partition(":alias/")[2]
        alias = f"alias/{bare}" if bare else name
        return self._aliases.get(alias, alias).rsplit("/", 1)[-1]

    def _unusable(self, name: str) -> str | None:
        state = self._states.get(self._key(name), "Enabled")
        return None if state == "Enabled" else f"{name} is {state}."

    def before(self, call: Call) -> Refusal | None:
        """Refuse what needs a key that cannot be used."""
        if call.service == "kms":
            return self._of_kms(call)
        for service, operation, where, _things in ENCRYPTING:
            if (call.service, call.operation) == (service, operation):
                for name in call.values(where):
                    state = self._unusable(name)
                    if state:
                        return Refusal(MAKING[service], state)
        for service, operations, things, code in USING:
            if call.service == service and call.operation in operations:
                for thing in self._things(call, things):
                    state = self._unusable(self._key_of.get((service, thing), ""))
                    if state:
                        return Refusal(code, state)
        return None

    def _of_kms(self, call: Call) -> Refusal | None:
        names = call.values("KeyId")
        state = self._unusable(names[0]) if names else None
        pending = bool(state) and self._states[self._key(names[0])] == "PendingDeletion"
        if state and (
            call.operation.startswith(OF_KEYS) or (pending and call.operation in ("EnableKey", "DisableKey"))
        ):
            disabled = not pending and not call.operation.startswith("EnableKeyRotation")
            return Refusal("DisabledException" if disabled else "KMSInvalidStateException", state)
        return None

    def _things(self, call: Call, names: tuple[str, ...]) -> list[str]:
        if call.service == "s3":
            return [call.path.split("/", 1)[0]]
        return [_short(name) for name in call.values(*names)]

    def after(self, call: Call, answer: Answer) -> None:
        """Note the states of keys, and what they encrypt."""
        if call.service == "kms":
            if call.operation in ("CreateAlias", "UpdateAlias"):
                self._aliases[call.values("AliasName")[0]] = call.values("TargetKeyId")[0].rsplit("/", 1)[-1]
            elif call.operation in STATES:
                self._states[self._key(call.values("KeyId")[0])] = STATES[call.operation]
            return
        for service, operation, where, things in ENCRYPTING:
            if (call.service, call.operation) == (service, operation):
                for key in call.values(where):
                    self._key_of.update({(service, thing): key for thing in self._things(call, things)})
        if call.operation == "CreateSecret":
            names = zip(answer.values("ARN"), call.values("Name"))
            self._key_of.update(
                {("secretsmanager", _short(arn)): self._key_of.get(("secretsmanager", name), "") for arn, name in names}
            )
        self._snapshots(call)

    def _snapshots(self, call: Call) -> None:
        """A snapshot is encrypted by its instance's key, and a restored instance by its snapshot's."""
        if call.service != "rds":
            return
        for source, target in (
            ("DBInstanceIdentifier", "FinalDBSnapshotIdentifier"),
            ("DBInstanceIdentifier", "DBSnapshotIdentifier"),
            ("SourceDBSnapshotIdentifier", "TargetDBSnapshotIdentifier"),
        ):
            sources, targets = call.values(source), call.values(target)
            if call.operation == "RestoreDBInstanceFromDBSnapshot":
                sources, targets = targets, sources
            if sources and targets:
                own = call.values("KmsKeyId")
                key = own[0] if own else self._key_of.get(("rds", _short(sources[0])), "")
                self._key_of["rds", _short(targets[0])] = key


def _short(name: str) -> str:
    """Return the name of a queue whose URL this is, or of a snapshot whose ARN it is; any other name as it is."""
    if name.startswith("http"):
        return name.rsplit("/", 1)[-1]
    return name.rsplit(":", 1)[-1] if ":snapshot:" in name else name
