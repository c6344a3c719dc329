# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An account whose services answer as a test tells them, and note what they were asked."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

from botocore.exceptions import ClientError

from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.tags import ownership_tags

OURS = ownership_tags("test", "thing")
THEIRS = ownership_tags("other", "thing")


def refusal(code: str, message: str = "no") -> ClientError:
    """Return an error as AWS raises it."""
    return ClientError({"Error": {"Code": code, "Message": message}}, "Operation")


def in_turn(*answers: Any) -> Callable[..., Any]:
    """Return an answer for each call; the last one for all further calls."""
    left = list(answers)

    def answer(**_arguments: Any) -> Any:
        return left.pop(0) if len(left) > 1 else left[0]

    return answer


def each_time(_service: str, _key: Hashable, call: Callable[[], Any]) -> Any:
    """Stand for `Aws.once` where nothing is to be kept."""
    return call()


class FakeClient:
    """A client of one service.

    ``answers`` maps operations to what they return: a value, an error to raise, or a function of the arguments that
    returns either. What has no answer returns an empty mapping. ``calls`` are operations and arguments in their order.
    """

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        def call(**arguments: Any) -> Any:
            self.calls.append((operation, arguments))
            answer = self.answers.get(operation, {})
            if callable(answer):
                answer = answer(**arguments)
            if isinstance(answer, Exception):
                raise answer
            return answer

        return call

    def pages(self, operation: str, result: str, **arguments: Any) -> list[Any]:
        """Return the list that an operation answers with."""
        return list(getattr(self, operation)(**arguments).get(result, []))

    def called(self, operation: str) -> list[dict[str, Any]]:
        """Return the arguments of each call of an operation."""
        return [arguments for name, arguments in self.calls if name == operation]


class FakeAws:
    """Stands for `Aws`: one client for each service that is given, in Frankfurt."""

    region = "eu-central-1"
    partition = "aws"
    account_id = "123456789012"

    def __init__(self, check_mode: bool = False, **clients: FakeClient) -> None:
        self.check_mode = check_mode
        self.clients = clients
        self.writes: list[str] = []
        self.once = each_time

    def client(self, service: str) -> FakeClient:
        """Return the client of a service."""
        return self.clients[service]

    def forget_answers(self) -> None:
        """Nothing is kept here."""

    def arn(self, service: str, resource: str) -> str:
        """Return the ARN of something in this account and region."""
        return f"arn:aws:{service}:{self.region}:{self.account_id}:{resource}"
