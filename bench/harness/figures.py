"""Values of rounds become medians."""
import dataclasses
import statistics

FIELDS = ["wall", "cpu", "server_cpu", "peak", "written"]


@dataclasses.dataclass
class Row:
    """A contender of a job: medians of its rounds."""

    job: str
    name: str
    makes: str
    is_peer: bool
    wall: float = 0
    cpu: float = 0
    server_cpu: float = 0
    peak: float = 0
    written: float = 0
    # Of the wall times.
    fastest: float = 0
    slowest: float = 0
    failed: str = ""

    @property
    def is_ours(self):
        return self.name.startswith("sync")


def rows_of(values):
    """A row for each contender, in the order in which they were measured. The warm-up counts for nothing else."""
    found = {}
    for value in values:
        found.setdefault((value["job"], value["contender"], value["makes"]), []).append(value)
    return [row(key, group) for key, group in found.items()]


def row(key, group):
    made = Row(*key, is_peer=group[0]["is_peer"])
    failures = [value["failed"] for value in group if "failed" in value]
    counted = [value for value in group if value["round"] > 0 and "failed" not in value]
    if failures:
        made.failed = failures[0]
    elif not counted:
        made.failed = "not measured"
    else:
        for field in FIELDS:
            setattr(made, field, statistics.median(value[field] for value in counted))
        walls = [value["wall"] for value in counted]
        made.fastest, made.slowest = min(walls), max(walls)
    return made


class Figures:
    """All rows, to be asked for by job."""

    def __init__(self, values):
        self.rows = rows_of(values)

    @property
    def jobs(self):
        return list(dict.fromkeys(row.job for row in self.rows))

    def of(self, job):
        return [row for row in self.rows if row.job == job]

    def find(self, job, name, makes=None):
        """The row of a contender that was measured; None otherwise."""
        for row in self.of(job):
            if row.name == name and makes in (None, row.makes) and not row.failed:
                return row
        return None

    def anchor(self, job):
        first = self.of(job)[0]
        return None if first.failed or first.is_ours else first
