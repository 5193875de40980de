"""Faults by rule: which statement goes wrong, how, and how often; and the list of all statements."""

from __future__ import annotations

import collections
import re
import threading
import time
from typing import Any, Optional

from redshift_sql import without_secrets
from redshift_wire import PgError, error

ACTIONS = {"fail", "fail_after", "hold", "cut", "cut_after"}
KEYS = {"id", "database", "statement", "after", "times", "action", "code", "message"}
PATIENCE_SECONDS = 30
# Statements that are kept of each database: what one test says must not push out what another has said.
KEPT = 20000


class Rule:
    """One rule as it was posted, and what became of it."""

    def __init__(self, given: dict[str, Any]):
        if set(given) - KEYS or given.get("action") not in ACTIONS or "database" not in given:
            raise ValueError(f"a rule has the keys {sorted(KEYS)} and an action of {sorted(ACTIONS)}; it needs a database")
        self.given = given
        self.id = given.get("id")
        self.action = given["action"]
        self.statement = re.compile(given.get("statement", ""), re.I | re.S)
        self.to_pass = given.get("after", 0)
        self.left = given.get("times", 1) or None  # None: no limit
        self.applied = 0
        self.held = 0
        self.released = threading.Event()

    def error(self) -> PgError:
        return error(self.given.get("code", "XX000"), self.given.get("message", "told to fail"))

    def state(self) -> dict[str, Any]:
        return {**self.given, "applied": self.applied, "held": self.held}


class Faults:
    """All rules of all databases, and the statements that came."""

    def __init__(self) -> None:
        self.rules: list[Rule] = []
        self.statements: dict[str, list[dict[str, Any]]] = collections.defaultdict(list)
        self.changed = threading.Condition()

    def add(self, given: dict[str, Any]) -> None:
        with self.changed:
            self.rules.append(Rule(given))

    def forget(self, database: str) -> None:
        with self.changed:
            for rule in [rule for rule in self.rules if rule.given["database"] == database]:
                rule.released.set()
                self.rules.remove(rule)

    def of(self, database: str) -> list[dict[str, Any]]:
        return [rule.state() for rule in self.rules if rule.given["database"] == database]

    def take(self, database: str, user: str, statement: str) -> Optional[Rule]:
        """Notes the statement and gives the rule that it falls under, which counts as applied."""
        with self.changed:
            told = {"t": time.time(), "database": database, "user": user, "statement": without_secrets(statement)}
            self.statements[database].append(told)
            del self.statements[database][:-KEPT]
            for rule in self.rules:
                if rule.left == 0 or rule.given["database"] != database or not rule.statement.search(statement):
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

    def held(self, rule: Rule, step: int) -> None:
        with self.changed:
            rule.held += step
            self.changed.notify_all()

    def release(self, database: str, id: str) -> None:
        for rule in self.find(database, id):
            rule.left = 0
            rule.released.set()

    def wait(self, database: str, id: str, count: int) -> Optional[dict[str, Any]]:
        """Until the rule was applied so often, and what it holds is held; `None` when that takes too long."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        with self.changed:
            while True:
                rule = self.find(database, id)[0]
                enough = rule.applied >= count
                if enough and rule.action == "hold" and not rule.released.is_set():
                    enough = rule.held > 0
                if enough:
                    return rule.state()
                if not self.changed.wait(deadline - time.monotonic()):
                    return None

    def find(self, database: str, id: str) -> list[Rule]:
        found = [rule for rule in self.rules if rule.id == id and rule.given["database"] == database]
        if not found:
            raise ValueError(f"no rule {id} for {database}")
        return found
