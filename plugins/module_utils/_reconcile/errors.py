# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What can go wrong, in the words of whoever has to repair it."""

from __future__ import annotations

import re
from types import TracebackType

try:
    # With these aliases mypy lets others import both from here.
    # pylint: disable=unused-import,useless-import-alias
    from botocore.exceptions import BotoCoreError as BotoCoreError
    from botocore.exceptions import ClientError as ClientError
    from botocore.exceptions import ConnectionError as _ConnectionError
    from botocore.exceptions import HTTPClientError as _HTTPClientError
except ImportError:
    # AnsibleAWSModule reports the missing library.
    BotoCoreError = ClientError = _ConnectionError = _HTTPClientError = Exception

# Documents the rules that SM2A adds to AWS's.
OPTIONS = "https://github.com/sm2a/airflow/blob/main/docs/configuration.md"

# How a service says that the caller may not do something, by the protocol that it speaks.
DENIED = ("AccessDenied", "AccessDeniedException")
UNKNOWN = re.compile(r"NotFound|NoSuch|NonExistent|DoesNotExist")
# IAM says so of a policy whose ARN is wrong, and no waiting makes it right:
# https://docs.aws.amazon.com/IAM/latest/APIReference/API_AttachRolePolicy.html
WRONG_POLICY = "not attachable"


class OptionError(ValueError):
    """An option that AWS would refuse, found before the first call.

    Its message names the option, the value, the rule and where the rule is documented.
    """

    def __init__(self, option: str, value: object, rule: str, documentation: str = OPTIONS) -> None:
        self.option = option
        self.value = value
        self.rule = rule
        self.documentation = documentation
        super().__init__(f"{option}: {value!r} is refused: {rule} (see {documentation})")


class ReconcileError(Exception):
    """A resource that could not be brought to its desired state."""


class NotOwnedError(ReconcileError):
    """Something of the wanted name exists that this environment did not create."""


class WaitTimeoutError(ReconcileError):
    """A resource did not reach its state in the documented time."""


class UnknownValueError(Exception):
    """A request would have carried a value that exists only after apply.

    Not a failure: whatever such a request asks about cannot exist yet.
    """


class CheckModeError(ReconcileError):
    """A mutating call was attempted in check mode: a defect of the resource class, stopped here."""


def code_of(error: ClientError) -> str:
    """Return AWS's code of an error, for example ``InvalidSubnetID.NotFound``."""
    return str(error.response["Error"]["Code"])


def is_lost(error: Exception) -> bool:
    """Tell whether the connection broke before there was an answer: nobody knows whether AWS did what was asked."""
    return isinstance(error, (_ConnectionError, _HTTPClientError))


def is_unknown(error: ClientError) -> bool:
    """Tell whether AWS does not know what a request names: it is not there, or it was made a moment ago."""
    return bool(UNKNOWN.search(code_of(error))) and WRONG_POLICY not in str(error)


class ignoring:
    """Ends its block at an error of AWS's that has one of these codes, and goes on behind it::

    with ignoring("NoSuchEntity"):
        return client.get_role(RoleName=name)["Role"]
    return None
    """

    def __init__(self, *codes: str) -> None:
        self.codes = codes

    def __enter__(self) -> None:
        """Begin the block."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        return isinstance(error, ClientError) and code_of(error) in self.codes
