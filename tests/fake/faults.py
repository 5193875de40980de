"""Faults by rule: which call goes wrong, how, and how often."""

from __future__ import annotations

import re
import threading
import time
from typing import Any, Optional

from errors import USUAL_REASONS, ApiError, invalid
from web import Dropped, Request, Response

ACTIONS = {"status", "reset", "lose_answer", "hold", "hold_answer", "short", "cut", "slow", "corrupt", "other_crc32c", "job_fail", "unread"}
PATIENCE_SECONDS = 30


class Rule:
    """One rule as it was posted, and what became of it."""

    def __init__(self, given: dict[str, Any]):
        unknown = set(given) - {
            *("id", "method", "path", "body", "after", "times", "action"),
            *("status", "reason", "message", "retry_after", "bytes", "seconds", "rows"),
        }
        if unknown or given.get("action") not in ACTIONS:
            raise invalid(f"a rule has no {sorted(unknown)} or no such action {given.get('action')!r}")
        self.given = given
        self.id = given.get("id")
        self.action = given["action"]
        self.path = re.compile(given.get("path", ""))
        self.body = re.compile(given["body"]) if "body" in given else None
        self.to_pass = given.get("after", 0)
        self.left = given.get("times", 1) or None  # None: no limit
        self.applied = 0
        self.held = 0
        self.released = threading.Event()
        self.drop = False

    def matches(self, request: Request) -> bool:
        if self.left == 0 or self.given.get("method", request.method) != request.method:
            return False
        if not self.path.search(request.target):
            return False
        return not self.body or bool(self.body.search(request.content.decode("utf-8", "replace")))

    def error(self) -> Response:
        status = self.given.get("status", 503)
        reason = self.given.get("reason", USUAL_REASONS.get(status, "backendError"))
        error = ApiError(status, reason, self.given.get("message", f"told to answer {status}"))
        headers = {}
        if "retry_after" in self.given:
            headers["retry-after"] = str(self.given["retry_after"])
        return Response(status, error.body(), headers)

    def state(self) -> dict[str, Any]:
        return {**self.given, "applied": self.applied, "held": self.held}


class Faults:
    """All rules, and those who wait for one."""

    def __init__(self) -> None:
        self.rules: list[Rule] = []
        self.changed = threading.Condition()

    def add(self, given: dict[str, Any]) -> None:
        with self.changed:
            self.rules.append(Rule(given))

    def forget(self) -> None:
        with self.changed:
            for rule in self.rules:
                rule.released.set()
            self.rules.clear()

    def take(self, request: Request) -> Optional[Rule]:
        """The rule that this call falls under; it counts as applied."""
        with self.changed:
            for rule in self.rules:
                if not rule.matches(request):
                    continue
                if rule.to_pass:
                    rule.to_pass -= 1
                    continue
                if rule.left is not None:
                    rule.left -= 1
                rule.applied += 1
                self.changed.notify_all()
                return rule
        return None

    def hold(self, rule: Rule, request: Request) -> None:
        """Waits until the rule is released. A client that went away meanwhile is not served."""
        with self.changed:
            rule.held += 1
            self.changed.notify_all()
        try:
            while not rule.released.wait(0.05):
                if request.client_is_gone():
                    raise Dropped
            if rule.drop or request.client_is_gone():
                raise Dropped
        finally:
            with self.changed:
                rule.held -= 1
                self.changed.notify_all()

    def release(self, id: str, drop: bool) -> None:
        with self.changed:
            for rule in self.of(id):
                rule.left = 0
                rule.drop = drop
                rule.released.set()

    def wait(self, id: str, count: int) -> Optional[dict[str, Any]]:
        """Until the rule was applied to `count` calls, and those to be held are held; `None` when that takes too long."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        with self.changed:
            while True:
                rule = self.of(id)[0]
                enough = rule.applied >= count
                if enough and rule.action in ("hold", "hold_answer") and not rule.released.is_set():
                    enough = rule.held > 0
                if enough:
                    return rule.state()
                if not self.changed.wait(deadline - time.monotonic()):
                    return None

    def of(self, id: str) -> list[Rule]:
        found = [rule for rule in self.rules if rule.id == id]
        if not found:
            raise ApiError(404, "notFound", f"no rule {id}")
        return found
