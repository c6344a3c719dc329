# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ACM as AWS documents it, in the place of MiniStack's, whose certificates are issued at once and are none.

- A requested certificate is ``PENDING_VALIDATION`` until its record is in a hosted zone of the account, and names that
  record some time after the request only (https://docs.aws.amazon.com/acm/latest/userguide/dns-validation.html).
- The same idempotency token gives the same certificate for an hour
  (https://docs.aws.amazon.com/acm/latest/APIReference/API_RequestCertificate.html).
- What is issued is a certificate, signed by the authority of the local AWS.
- An imported certificate has the names that stand in it.
- A listener takes issued certificates only
  (https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateListener.html).
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable
from typing import Any

import authority
from cryptography import x509
from ministack.core.responses import get_account_id, get_region
from ministack.services import acm, alb, route53

TOKEN_SECONDS = 3600

Operation = Callable[[Any], Any]

_tokens: dict[tuple[str, str, str, str], tuple[float, str]] = {}
"""When a token was used, and for which certificate."""


def install() -> None:
    """Replace what MiniStack has of it."""
    acm._request_certificate = _requesting(acm._request_certificate)
    acm._import_certificate = _importing(acm._import_certificate)
    acm._describe_certificate = _describing(acm._describe_certificate)
    acm._list_certificates = _listing(acm._list_certificates)
    for action in ("CreateListener", "ModifyListener"):
        alb._ACTION_MAP[action] = _with_issued_certificate(alb._ACTION_MAP[action])


def _requesting(request: Operation) -> Operation:
    def request_certificate(data: dict[str, Any]) -> Any:
        token = (get_account_id(), get_region(), data.get("IdempotencyToken", ""), data.get("DomainName", ""))
        used, arn = _tokens.get(token, (0.0, ""))
        if token[2] and time.time() - used < TOKEN_SECONDS and acm._certificates.get(arn):
            return acm.json_response({"CertificateArn": arn})
        answer = request(data)
        if answer[0] == 200:
            arn = json.loads(answer[2])["CertificateArn"]
            _begin(acm._certificates[arn])
            _tokens[token] = (time.time(), arn)
        return answer

    return request_certificate


def _importing(import_own: Operation) -> Operation:
    def import_certificate(data: dict[str, Any]) -> Any:
        answer = import_own(data)
        if answer[0] == 200:
            _name(acm._certificates[json.loads(answer[2])["CertificateArn"]])
        return answer

    return import_certificate


def _describing(describe: Operation) -> Operation:
    def describe_certificate(data: dict[str, Any]) -> Any:
        certificate = acm._certificates.get(data.get("CertificateArn", ""))
        if certificate:
            _look(certificate)
        answer = describe(data)
        if certificate and "_records" in certificate:
            certificate["DomainValidationOptions"] = certificate.pop("_records")
        return answer

    return describe_certificate


def _listing(list_all: Operation) -> Operation:
    def list_certificates(data: dict[str, Any]) -> Any:
        for certificate in acm._certificates.values():
            _look(certificate)
        return list_all(data)

    return list_certificates


def _name(certificate: dict[str, Any]) -> None:
    """Give an imported certificate its own names, where there are any."""
    with contextlib.suppress(ValueError, x509.ExtensionNotFound):
        found = x509.load_pem_x509_certificate(certificate["_pem_body"].encode())
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        domains = names.get_values_for_type(x509.DNSName)
        certificate["DomainName"], certificate["SubjectAlternativeNames"] = domains[0], domains


def _begin(certificate: dict[str, Any]) -> None:
    """Take back what MiniStack has done too early."""
    certificate["Status"] = "PENDING_VALIDATION"
    for option in certificate["DomainValidationOptions"]:
        option["ValidationStatus"] = "PENDING_VALIDATION"
    certificate["_records"] = certificate["DomainValidationOptions"]
    certificate["DomainValidationOptions"] = [
        {key: value for key, value in option.items() if key != "ResourceRecord"} for option in certificate["_records"]
    ]


def _look(certificate: dict[str, Any]) -> None:
    """Issue a certificate whose records are all there."""
    options = certificate["DomainValidationOptions"]
    if certificate["Status"] != "PENDING_VALIDATION" or not all(map(_proved, options)):
        return
    leaf = authority.load().issue_cert(*certificate["SubjectAlternativeNames"])
    body, *chain = [blob.bytes().decode() for blob in leaf.cert_chain_pems]
    certificate["_pem_body"] = body
    certificate["_pem_chain"] = "".join(chain)
    certificate["_private_key"] = leaf.private_key_pem.bytes().decode()
    certificate["Status"] = "ISSUED"
    certificate["IssuedAt"] = time.time()
    for option in options:
        option["ValidationStatus"] = "SUCCESS"


def _proved(option: dict[str, Any]) -> bool:
    wanted: Any = option.get("ResourceRecord")
    return bool(wanted) and any(
        record["Name"].lower() == wanted["Name"].lower()
        and record["Type"] == wanted["Type"]
        and wanted["Value"].rstrip(".") in [value.rstrip(".") for value in record.get("ResourceRecords", [])]
        for records in route53._records.values()
        for record in records
    )


def _with_issued_certificate(operation: Operation) -> Operation:
    def checked(params: Any) -> Any:
        for arn in alb._parse_certificate_arns(params):
            certificate: Any = acm._certificates.get(arn)
            if certificate is None:
                return alb._error("CertificateNotFound", f"Certificate '{arn}' not found")
            _look(certificate)
            if certificate["Status"] != "ISSUED":
                return alb._error("UnsupportedCertificate", f"The certificate '{arn}' must have a valid status")
        return operation(params)

    return checked
