"""Errors as Google's JSON services send them."""

from __future__ import annotations


class ApiError(Exception):
    """An answer that is an error: HTTP status, Google's reason code and a message."""

    def __init__(self, status: int, reason: str, message: str):
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.message = message

    def body(self) -> dict:
        one = {"message": self.message, "domain": "global", "reason": self.reason}
        return {"error": {"code": self.status, "message": self.message, "errors": [one]}}


def not_found(what: str) -> ApiError:
    return ApiError(404, "notFound", f"Not found: {what}")


def duplicate(what: str) -> ApiError:
    return ApiError(409, "duplicate", f"Already Exists: {what}")


def invalid(message: str) -> ApiError:
    return ApiError(400, "invalid", message)


def required(what: str) -> ApiError:
    return ApiError(400, "required", f"Required parameter is missing: {what}")


# The reason that goes with a status when a rule names none.
USUAL_REASONS = {
    400: "invalid",
    401: "authError",
    403: "rateLimitExceeded",
    404: "notFound",
    409: "duplicate",
    410: "gone",
    412: "conditionNotMet",
    429: "rateLimitExceeded",
    500: "internalError",
    502: "backendError",
    503: "backendError",
}
