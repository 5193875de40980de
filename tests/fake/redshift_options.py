"""The words after COPY ... FROM and UNLOAD ... TO: which there are, what each takes; anything else is a syntax error.

https://docs.aws.amazon.com/redshift/latest/dg/r_COPY.html
https://docs.aws.amazon.com/redshift/latest/dg/r_UNLOAD.html
"""

from __future__ import annotations

from typing import Any, Optional

from redshift_s3 import Keys
from redshift_sql import Token, scan, text_of
from redshift_wire import PgError, error

FLAG, TEXT, NUMBER, PERHAPS_TEXT, SWITCH = "flag", "text", "number", "perhaps text", "switch"
COPY_OPTIONS = {
    **dict.fromkeys(
        "MANIFEST ENCRYPTED GZIP BZIP2 ZSTD LZOP ACCEPTANYDATE BLANKSASNULL EMPTYASNULL ESCAPE EXPLICIT_IDS FILLRECORD"
        " IGNOREBLANKLINES REMOVEQUOTES ROUNDEC TRIMBLANKS TRUNCATECOLUMNS NOLOAD IGNOREALLERRORS".split(),
        FLAG,
    ),
    **dict.fromkeys("REGION DELIMITER FIXEDWIDTH QUOTE MASTER_SYMMETRIC_KEY".split(), TEXT),
    **dict.fromkeys("IGNOREHEADER MAXERROR COMPROWS READRATIO".split(), NUMBER),
    **dict.fromkeys("DATEFORMAT TIMEFORMAT".split(), TEXT),
    "ACCEPTINVCHARS": PERHAPS_TEXT,
    "COMPUPDATE": SWITCH,
    "STATUPDATE": SWITCH,
}
UNLOAD_OPTIONS = {
    **dict.fromkeys("HEADER ADDQUOTES ESCAPE ALLOWOVERWRITE CLEANPATH GZIP BZIP2 ZSTD ENCRYPTED INCLUDE".split(), FLAG),
    **dict.fromkeys("REGION DELIMITER FIXEDWIDTH EXTENSION KMS_KEY_ID MASTER_SYMMETRIC_KEY".split(), TEXT),
    "PARALLEL": SWITCH,
}
FORMATS = {"CSV", "PARQUET", "ORC", "AVRO", "JSON", "SHAPEFILE"}


class Words:
    """Tokens, taken one by one."""

    def __init__(self, tokens: list[Token]):
        self.tokens = tokens
        self.at = 0

    @property
    def next(self) -> Optional[Token]:
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def take(self) -> Token:
        if self.next is None:
            raise error("42601", "syntax error at end of input")
        self.at += 1
        return self.tokens[self.at - 1]

    def skip(self, word: str) -> bool:
        found = self.next is not None and self.next.upper == word
        self.at += found
        return found

    def expect(self, word: str) -> None:
        if not self.skip(word):
            raise self.wrong()

    def text(self) -> str:
        token = self.take()
        if token.kind != "string":
            self.at -= 1
            raise self.wrong()
        return text_of(token.text)

    def number(self) -> int:
        token = self.take()
        if token.kind != "number" or not token.text.isdigit():
            self.at -= 1
            raise self.wrong()
        return int(token.text)

    def wrong(self) -> PgError:
        if self.next is None:
            return error("42601", "syntax error at end of input")
        return error("42601", f'syntax error at or near "{self.next.text}"', position=self.next.start + 1)


class Options(dict[str, Any]):
    """What was given; a flag has the value True. `format` and `keys` or `role` stand beside."""

    format: Optional[str] = None
    keys: Optional[Keys] = None
    role: Optional[str] = None
    json_paths: str = "auto"


def read_copy(words: Words) -> Options:
    return read(words, COPY_OPTIONS)


def read_unload(words: Words) -> Options:
    return read(words, UNLOAD_OPTIONS)


def read(words: Words, known: dict[str, str]) -> Options:
    options, parts = Options(), {}
    while words.next is not None:
        name = words.take().upper
        if name == "WITH":
            continue
        if name in options and name not in ("FORMAT",):
            raise error("42601", f"conflicting or redundant options: {name.lower()}")
        if name == "FORMAT" or name in FORMATS:
            read_format(words, options, name, known)
        elif name == "NULL":
            words.skip("AS")
            options["NULL"] = words.text()
        elif name == "MANIFEST" and known is UNLOAD_OPTIONS:
            options["MANIFEST"] = words.skip("VERBOSE") and "verbose" or True
        elif name == "PARTITION":
            words.expect("BY")
            raise error("0A000", "PARTITION BY is not supported by the stand-in")
        elif name == "ENCODING" and known is COPY_OPTIONS:
            words.skip("AS")
            options[name] = words.take().upper
            if options[name] != "UTF8":
                raise error("0A000", f"ENCODING {options[name]} is not supported by the stand-in")
        elif name in ("MAXFILESIZE", "ROWGROUPSIZE"):
            words.skip("AS")
            options[name] = words.take().text
            words.skip("MB") or words.skip("GB")
        elif not credentials(words, name, options, parts):
            options[name] = value(words, name, known)
    if parts:
        options.keys = Keys(parts.get("ACCESS_KEY_ID", ""), parts.get("SECRET_ACCESS_KEY", ""), parts.get("SESSION_TOKEN"))
    return options


def value(words: Words, name: str, known: dict[str, str]) -> Any:
    takes = known.get(name)
    if takes is None:
        words.at -= 1
        raise words.wrong()
    if takes == FLAG:
        if name == "ENCRYPTED":
            words.skip("AUTO")
        return True
    words.skip("AS")
    if takes == TEXT:
        return words.text()
    if takes == NUMBER:
        return words.number()
    if takes == PERHAPS_TEXT:
        return words.text() if words.next is not None and words.next.kind == "string" else ""
    for word in ("ON", "OFF", "TRUE", "FALSE", "PRESET"):
        if words.skip(word):
            return word
    return "ON"


def read_format(words: Words, options: Options, name: str, known: dict[str, str]) -> None:
    if options.format:
        raise error("42601", "conflicting or redundant options: format")
    if name == "FORMAT":
        words.skip("AS")
        name = words.take().upper
        if name == "TEXT":
            return
        if name not in FORMATS:
            words.at -= 1
            raise words.wrong()
    options.format = name
    if known is UNLOAD_OPTIONS:
        return
    if name == "CSV" and words.skip("QUOTE"):
        words.skip("AS")
        options["QUOTE"] = words.text()
    if name in ("JSON", "AVRO"):
        words.skip("AS")
        options.json_paths = words.text() if words.next is not None and words.next.kind == "string" else "auto"


def credentials(words: Words, name: str, options: Options, parts: dict[str, str]) -> bool:
    """https://docs.aws.amazon.com/redshift/latest/dg/copy-parameters-authorization.html"""
    if name == "IAM_ROLE":
        words.skip("AS")
        options.role = "default" if words.skip("DEFAULT") else words.text()
    elif name == "CREDENTIALS":
        words.skip("AS")
        read_credentials(words.text(), options)
    elif name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN"):
        words.skip("AS")
        parts[name] = words.text()
    else:
        return False
    return True


def read_credentials(text: str, options: Options) -> None:
    given = dict(part.partition("=")[::2] for part in text.split(";") if part)
    if "aws_iam_role" in given:
        options.role = given["aws_iam_role"]
        return
    unknown = set(given) - {"aws_access_key_id", "aws_secret_access_key", "token", "master_symmetric_key"}
    if unknown or "aws_access_key_id" not in given or "aws_secret_access_key" not in given:
        raise error(
            "XX000",
            "Invalid credentials. Must be of the format: credentials 'aws_iam_role=...' or "
            "'aws_access_key_id=...;aws_secret_access_key=...[;token=...]'",
        )
    options.keys = Keys(given["aws_access_key_id"], given["aws_secret_access_key"], given.get("token"))


def words_of(sql: str) -> Words:
    return Words(scan(sql))
