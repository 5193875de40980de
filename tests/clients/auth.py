#!/usr/bin/env python3
"""Gets a token with Google's own library, as the JSON on standard input says, and prints the token.

usage: auth.py < TASK

TASK: `how` (service_account, authorized_user, compute_engine, application_default, external_account, aws),
`key` (the credentials' JSON), `now` (seconds since 1970: the library's clock stands there), `scopes`; for
`aws` also `region`, `access_key_id`, `secret_access_key` and `session_token`.
"""

from __future__ import annotations

import datetime
import json
import sys
from typing import Any

import google.auth
import google.auth.transport.requests
from google.auth import _helpers, aws, compute_engine, identity_pool
from google.oauth2 import credentials as user
from google.oauth2 import service_account


class Supplier(aws.AwsSecurityCredentialsSupplier):
    """The key of a role, and the region, as they were handed over."""

    def __init__(self, task: dict[str, Any]):
        self.task = task

    def get_aws_security_credentials(self, context: Any, request: Any) -> aws.AwsSecurityCredentials:
        names = ("access_key_id", "secret_access_key", "session_token")
        return aws.AwsSecurityCredentials(*(self.task[name] for name in names))

    def get_aws_region(self, context: Any, request: Any) -> str:
        return self.task["region"]


class SignsMore(aws.RequestSigner):
    """Signs the name of the provider too, as Google recommends and its library for Java does."""

    def get_request_options(self, key: Any, url: str, method: str, *rest: Any, **more: Any) -> dict[str, Any]:
        headers = {"x-goog-cloud-target-resource": self.audience}
        return super().get_request_options(key, url, method, additional_headers=headers)


def made(task: dict[str, Any]) -> Any:
    how, key, scopes = task["how"], task.get("key"), task["scopes"]
    if how == "service_account":
        account = service_account.Credentials.from_service_account_info(key, scopes=scopes)
        return account.with_always_use_jwt_access(True)
    if how == "authorized_user":
        # `from_authorized_user_info` would go to Google, whatever the key says.
        names = ("client_id", "client_secret", "refresh_token", "token_uri")
        return user.Credentials(None, scopes=scopes, **{name: key[name] for name in names})
    if how == "compute_engine":
        return compute_engine.Credentials(scopes=scopes)
    if how == "application_default":
        return google.auth.default(scopes=scopes)[0]
    if how == "external_account":
        # `load_credentials_from_dict` would also ask Google for the name of the project.
        is_aws = "environment_id" in key["credential_source"]
        return (aws if is_aws else identity_pool).Credentials.from_info(key, scopes=scopes)
    return aws.Credentials(
        audience=key["audience"],
        subject_token_type=key["subject_token_type"],
        token_url=key["token_url"],
        service_account_impersonation_url=key.get("service_account_impersonation_url"),
        aws_security_credentials_supplier=Supplier(task),
        scopes=scopes,
    )


def main() -> None:
    task = json.load(sys.stdin)
    if task["key"] and "audience" in task["key"]:
        SignsMore.audience = task["key"]["audience"]
        aws.RequestSigner = SignsMore
    stands = datetime.datetime.fromtimestamp(task["now"], datetime.timezone.utc).replace(tzinfo=None)
    _helpers.utcnow = lambda: stands
    credentials = made(task)
    credentials.refresh(google.auth.transport.requests.Request())
    print(credentials.token)


main()
