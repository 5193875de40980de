"""What is measured: jobs, and who takes part in them."""
import dataclasses
import pathlib


@dataclasses.dataclass(frozen=True)
class Server:
    """A database that tables are read from."""

    name: str
    title: str
    port: int
    # Of its start script; `server.pid` in it names its process.
    folder: pathlib.Path

    @property
    def is_postgres(self):
        return self.name == "postgres"

    @property
    def scheme(self):
        return "postgresql" if self.is_postgres else "mysql"

    def url(self, scheme=None):
        return f"{scheme or self.scheme}://sync:sync-test@127.0.0.1:{self.port}/bench"


@dataclasses.dataclass(frozen=True)
class Contender:
    """A command that reads the table of a job. Its output is a file or folder below the folder `out`, or nothing."""

    name: str
    command: list
    # What it makes of the rows: contenders are compared with those of the same kind.
    makes: str
    environment: dict = dataclasses.field(default_factory=dict)
    stdin: str = ""
    is_peer: bool = False

    @property
    def key(self):
        return f"{self.name} → {self.makes}"


@dataclasses.dataclass(frozen=True)
class Job:
    """Contenders that take turns on the same rows. The first is the anchor that ratios refer to, unless it is `sync`."""

    name: str
    title: str
    server: Server
    contenders: list
    # Tables or rows that a figure is to be divided by, for jobs where one of many counts.
    tables: int = 1
