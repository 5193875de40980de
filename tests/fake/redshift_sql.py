"""SQL as text: words, strings, where a statement ends. In Redshift a backslash in a string escapes what follows.

https://docs.aws.amazon.com/redshift/latest/dg/c_redshift-and-postgres-sql.html (it comes from PostgreSQL 8)
"""

from __future__ import annotations

import re
from typing import NamedTuple, Optional

TOKEN = re.compile(
    r"""
      (?P<space>\s+)
    | (?P<comment>--[^\n]*)
    | (?P<string>[eE]?'(?:[^'\\]|''|\\.)*')
    | (?P<quoted>"(?:[^"]|"")*")
    | (?P<dollar>(?P<tag>\$[A-Za-z_]*\$).*?(?P=tag))
    | (?P<word>[^\W\d][\w$]*)
    | (?P<number>\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)
    | (?P<op>::|.)
    """,
    re.X | re.S,
)
COMMENT_MARK = re.compile(r"/\*|\*/")
ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}


class Token(NamedTuple):
    kind: str
    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)

    @property
    def upper(self) -> str:
        return self.text.upper() if self.kind == "word" else self.text if self.kind == "op" else ""


def scan(sql: str) -> list[Token]:
    """Every token, without blanks and comments."""
    tokens, at = [], 0
    while at < len(sql):
        if sql.startswith("/*", at):
            at = end_of_comment(sql, at)
            continue
        found = TOKEN.match(sql, at)
        kind = found.lastgroup if found.lastgroup != "tag" else "dollar"
        if kind not in ("space", "comment"):
            tokens.append(Token(kind, found.group(), at))
        at = found.end()
    return tokens


def end_of_comment(sql: str, at: int) -> int:
    depth = 0
    for mark in COMMENT_MARK.finditer(sql, at):
        depth += 1 if mark.group() == "/*" else -1
        if depth == 0:
            return mark.end()
    return len(sql)


def split(sql: str) -> list[str]:
    """The statements of a script, without what stands between them."""
    found, first, last = [], None, None
    for token in scan(sql):
        if token.text == ";" and token.kind == "op":
            if first is not None:
                found.append(sql[first:last])
            first = None
            continue
        if first is None:
            first = token.start
        last = token.end
    if first is not None:
        found.append(sql[first:last])
    return found


def text_of(literal: str) -> str:
    """What a string literal stands for."""
    inner = literal[literal.index("'") + 1 : -1]
    inner = inner.replace("''", "'")
    return re.sub(r"\\([0-7]{1,3}|.)", lambda found: escaped(found.group(1)), inner, flags=re.S)


def escaped(what: str) -> str:
    return chr(int(what, 8)) if what[0] in "01234567" else ESCAPES.get(what, what)


def literal(text: Optional[str]) -> str:
    if text is None:
        return "null"
    return "E'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def identifier(token: Token) -> str:
    """The name that a token means: folded to lower case without quotes."""
    if token.kind == "quoted":
        return token.text[1:-1].replace('""', '"').lower()
    return token.text.lower()


SECRETS = [
    (re.compile(r"(?i)\b((?:access_key_id|secret_access_key|session_token)\s+(?:as\s+)?)e?'(?:[^'\\]|''|\\.)*'"), r"\1'***'"),
    (re.compile(r"(?i)\b(credentials\s+(?:as\s+)?)e?'(?!aws_iam_role)(?:[^'\\]|''|\\.)*'"), r"\1'***'"),
    (re.compile(r"(?i)\b(password\s+)e?'(?:[^'\\]|''|\\.)*'"), r"\1'***'"),
]


def without_secrets(sql: str) -> str:
    """The statement with its keys blotted out."""
    for pattern, replacement in SECRETS:
        sql = pattern.sub(replacement, sql)
    return sql
