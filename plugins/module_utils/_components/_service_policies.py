# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What each service of an environment may do on AWS, and where: no more than it needs, and nothing elsewhere."""

from __future__ import annotations

from typing import Any

from .._reconcile.aws import Aws
from .._reconcile.tags import ENVIRONMENT
from ._names import bucket_name, secret_path, worker_service


class ServicePolicies:
    """The statements of the services' policies, without those on keys and for ECS Exec."""

    def __init__(self, aws: Aws, environment: str) -> None:
        self.aws = aws
        self.environment = environment
        self.prefix = f"sm2a-{environment}"

    def statements(self, service: str) -> list[dict[str, Any]]:
        """Return what a service may do by itself. "execution" has a policy of AWS's instead."""
        if service == "execution":
            return []
        if service == "scaler":
            return [self._secrets("scaler/*"), *self._scaling()]
        names = ["config/*", "connections/*", "variables/*"]
        if service == "migration":
            # The six characters that Secrets Manager appends to a name:
            # https://docs.aws.amazon.com/secretsmanager/latest/userguide/whats-in-a-secret.html
            names += ["admin-??????", "scaler/*"]
        statements = [self._secrets(*names)]
        if service == "migration":
            return statements
        statements += self._buckets(write_logs=service != "api_server")
        look = ["sqs:GetQueueUrl", "sqs:GetQueueAttributes"]
        if service == "scheduler":
            statements.append(self._queues(*look, "sqs:SendMessage"))
        if service == "worker":
            take = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:SendMessage"]
            statements.append(self._queues(*look, *take))
            protect = ["ecs:GetTaskProtection", "ecs:UpdateTaskProtection"]
            statements.append({"Action": protect, "Resource": self.aws.arn("ecs", f"task/{self.prefix}/*")})
        return statements

    def _queues(self, *actions: str) -> dict[str, Any]:
        """Allow actions on the queues of every pool, also of one that is just being removed and still at work.

        By its name a queue of the environment ``x-y`` could be one of ``x``; the tag tells them apart:
        https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-abac-condition-keys.html
        """
        return {
            "Action": list(actions),
            "Resource": self.aws.arn("sqs", f"{self.prefix}-*"),
            "Condition": {"StringEquals": {f"aws:ResourceTag/{ENVIRONMENT}": self.environment}},
        }

    def _secrets(self, *names: str) -> dict[str, Any]:
        arns = [self.aws.arn("secretsmanager", f"secret:{secret_path(self.environment, name)}") for name in names]
        return {"Action": "secretsmanager:GetSecretValue", "Resource": arns}

    def _buckets(self, write_logs: bool) -> list[dict[str, Any]]:
        place = (self.aws.account_id, self.aws.region)
        logs, dags = (
            f"arn:{self.aws.partition}:s3:::{bucket_name(self.environment, content, *place)}"
            for content in ("logs", "dags")
        )
        actions = ["s3:GetObject", "s3:PutObject"] if write_logs else ["s3:GetObject"]
        return [
            {"Action": ["s3:ListBucket", "s3:GetBucketLocation"], "Resource": [logs, dags]},
            {"Action": actions, "Resource": f"{logs}/*"},
            {"Action": ["s3:GetObject", "s3:GetObjectVersion"], "Resource": f"{dags}/*"},
        ]

    def _scaling(self) -> list[dict[str, Any]]:
        # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerservice.html
        ours = {"ArnEquals": {"ecs:cluster": self.aws.arn("ecs", f"cluster/{self.prefix}")}}
        return [
            self._queues("sqs:GetQueueAttributes"),
            {
                "Action": ["ecs:DescribeServices", "ecs:UpdateService"],
                "Resource": self.aws.arn("ecs", f"service/{self.prefix}/{worker_service(self.environment, '*')}"),
            },
            {
                "Action": "ecs:DescribeTasks",
                "Resource": self.aws.arn("ecs", f"task/{self.prefix}/*"),
            },
            # ListTasks knows no resource of a service on Fargate, only the cluster as a condition.
            {"Action": "ecs:ListTasks", "Resource": "*", "Condition": ours},
        ]
