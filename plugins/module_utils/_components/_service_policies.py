# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What each service of an environment may do on AWS, and where: no more than it needs, and nothing elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .._reconcile.aws import Aws
from .._reconcile.tags import ENVIRONMENT
from ._names import AIRFLOW_SERVICES, SECRETS, bucket_name, log_group_name, secret_path, worker_service
from ._service_secrets import LOOKS_UP, service_secrets

# What AWS's own policy AmazonECSTaskExecutionRolePolicy allows on repositories, which there are all of the account.
# https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonECSTaskExecutionRolePolicy.html
PULL = ["ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage"]
# For whom AWS's services use the key. S3 encrypts what is written and SQS what is sent with a new data key:
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
DECRYPTS = {
    "api_server": ("secretsmanager", "s3"),
    "execution_api": ("secretsmanager",),
    "scheduler": ("secretsmanager", "sqs"),
    "dag_processor": ("secretsmanager", "s3"),
    "triggerer": ("secretsmanager", "s3"),
    "worker": ("secretsmanager", "s3", "sqs"),
    "migration": ("secretsmanager",),
    "scaler": ("secretsmanager",),
}
ENCRYPTS = {"scheduler": "sqs", "triggerer": "s3", "worker": "s3"}
READS_LOGS = ("api_server", "triggerer", "worker")
WRITES_LOGS = ("triggerer", "worker")
READS_DAGS = ("dag_processor", "worker")


class ServicePolicies:
    """The statements of the services' policies, without those for ECS Exec.

    ``configuration_secrets`` are those below ``config/`` that options of Airflow name which are the user's own, and
    ``repositories`` the ARNs of the repositories from which images come. ``registry_credentials`` is the ARN of the
    secret with which ECS pulls images from elsewhere.
    """

    def __init__(
        self,
        aws: Aws,
        environment: str,
        configuration_secrets: Sequence[str] = (),
        repositories: Sequence[str] = (),
        registry_credentials: str | None = None,
    ) -> None:
        self.aws = aws
        self.environment = environment
        self.configuration_secrets = configuration_secrets
        self.repositories = repositories
        self.registry_credentials = registry_credentials
        self.prefix = f"sm2a-{environment}"

    def statements(self, service: str) -> list[dict[str, Any]]:
        """Return what a service may do, but for the keys."""
        if service == "execution":
            return self._execution()
        statements = [self._secrets(service)]
        if service == "scaler":
            statements += self._scaling()
        if service == "scheduler":
            # Kombu asks how many messages there are when it declares a queue.
            statements.append(self._queues("sqs:GetQueueAttributes", "sqs:SendMessage"))
        if service == "worker":
            take = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility"]
            statements.append(self._queues("sqs:GetQueueAttributes", *take))
            task = self.aws.arn("ecs", f"task/{self.prefix}/*")
            statements.append({"Action": "ecs:UpdateTaskProtection", "Resource": task})
        return [*statements, *self._buckets(service)]

    def key_statements(self, service: str, keys: list[str]) -> list[dict[str, Any]]:
        """Return what a service may do with these keys: nothing by itself, only what AWS's services do for it.

        https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-via-service
        """
        statements = []
        logs_in = service == "execution" and self.registry_credentials
        for action, services in (
            ("kms:Decrypt", ("secretsmanager",) if logs_in else DECRYPTS.get(service, ())),
            ("kms:GenerateDataKey", (ENCRYPTS[service],) if service in ENCRYPTS else ()),
        ):
            if keys and services:
                via = [f"{name}.{self.aws.region}.amazonaws.com" for name in services]
                condition = {"StringEquals": {"kms:ViaService": via[0] if len(via) == 1 else via}}
                resource = keys[0] if len(keys) == 1 else keys
                statements.append({"Action": action, "Resource": resource, "Condition": condition})
        return statements

    def _execution(self) -> list[dict[str, Any]]:
        """What ECS does before and while a container runs: it pulls the image, and writes the log."""
        repositories = [self.aws.arn("ecr", f"repository/{self.prefix}/*"), *self.repositories]
        login = {"Action": "secretsmanager:GetSecretValue", "Resource": self.registry_credentials}
        return [
            *([login] if self.registry_credentials else []),
            # It knows no resources.
            {"Action": "ecr:GetAuthorizationToken", "Resource": "*"},
            {"Action": PULL, "Resource": repositories[0] if len(repositories) == 1 else repositories},
            {
                "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
                "Resource": self.aws.arn("logs", f"log-group:{log_group_name(self.environment, '*')}"),
            },
        ]

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

    def _secrets(self, service: str) -> dict[str, Any]:
        """Allow a service's own secrets by their names, and those that users keep where it looks them up."""
        names = [SECRETS[secret] for secret in service_secrets(service)]
        if service in AIRFLOW_SERVICES:
            names += [f"config/{name}" for name in self.configuration_secrets]
        # The six characters that Secrets Manager appends to a name:
        # https://docs.aws.amazon.com/secretsmanager/latest/userguide/whats-in-a-secret.html
        patterns = [f"{name}-??????" for name in names]
        if service in LOOKS_UP:
            patterns += ["connections/*", "variables/*"]
        arns = [self.aws.arn("secretsmanager", f"secret:{secret_path(self.environment, name)}") for name in patterns]
        return {"Action": "secretsmanager:GetSecretValue", "Resource": arns[0] if len(arns) == 1 else arns}

    def _buckets(self, service: str) -> list[dict[str, Any]]:
        place = (self.aws.account_id, self.aws.region)
        logs, dags = (
            f"arn:{self.aws.partition}:s3:::{bucket_name(self.environment, content, *place)}"
            for content in ("logs", "dags")
        )
        statements: list[dict[str, Any]] = []
        # Without leave to list, S3 answers that nobody may see an object that is not there.
        # https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
        if service in READS_LOGS:
            statements.append({"Action": "s3:ListBucket", "Resource": logs})
            actions = ["s3:GetObject", "s3:PutObject"] if service in WRITES_LOGS else "s3:GetObject"
            statements.append({"Action": actions, "Resource": f"{logs}/*"})
        if service in READS_DAGS:
            statements.append({"Action": "s3:ListBucket", "Resource": dags})
            statements.append({"Action": "s3:GetObject", "Resource": f"{dags}/*"})
        return statements

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
