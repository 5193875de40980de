"""What `sync` is held to: ratios to the anchor and to other programs, and limits of memory."""
import dataclasses

from ours import BY_SHELL

MB = 1e6
# csv.gz by Embulk 0.11.4 with its defaults, beside `mariadb --quick` on the same machine. Its plugins for databases come
# from no registry that is used here, so it takes no part.
EMBULK = 11


@dataclasses.dataclass(frozen=True)
class Target:
    what: str
    limit: float
    # Of figures; None where one of them was not measured.
    measured: object
    unit: str = "×"
    # At least the limit, where otherwise at most.
    is_floor: bool = False

    def check(self, figures):
        """The value and whether it is within the limit."""
        value = self.measured(figures)
        if value is None:
            return None, None
        return value, value >= self.limit if self.is_floor else value <= self.limit


def all_targets():
    found = []
    for server, title in [("mariadb", "MariaDB"), ("mysql", "MySQL")]:
        found += against_anchor(f"{server}-orders", f"{title}, `orders`", [
            ("Parquet", 0.55, 64), ("NDJSON gzip", 0.80, 32), ("CSV gzip", 0.75, 32)])
        found += against_anchor(f"{server}-narrow", f"{title}, `narrow`", [("Parquet", 0.75, 64), ("NDJSON gzip", 1.0, 32)])
        found += against_peers(f"{server}-orders", f"{title}, `orders`")
        found += small(server, title)
    found += against_anchor("postgres-orders", "PostgreSQL, `orders`", [("Parquet", 1.0, None), ("NDJSON gzip", 1.1, None)])
    found += against_peers("postgres-orders", "PostgreSQL, `orders`")
    found += small("postgres", "PostgreSQL")
    return found


def against_anchor(job, title, limits):
    found = []
    for makes, wall, peak in limits:
        found.append(Target(f"{title} → {makes}: wall", wall, to_anchor(job, makes, "wall")))
        if peak is not None:
            found.append(Target(f"{title} → {makes}: peak of memory", peak, peak_of(job, makes), unit="MB"))
            found.append(Target(f"{title} → {makes}: CPU of the server", 0.65, to_anchor(job, makes, "server_cpu")))
    return found


def against_peers(job, title):
    found = [
        Target(f"{title} → {makes}: times as fast as {peer}", limit, speed_beside(job, peer, makes), is_floor=True)
        for peer, makes, limit in [
            ("ConnectorX", "Parquet", 2), ("Rivet", "Parquet", 3), ("ingestr", "Parquet", 3), ("Sling", "CSV gzip", 20)]]
    if not job.startswith("postgres"):
        found.append(Target(f"{title} → CSV gzip: times as fast as Embulk, whose time is recorded as {EMBULK} × the client's",
                            10, speed_beside_embulk(job), is_floor=True))
    return found


def small(server, title):
    return [Target(f"{title}, 1,000 tables of 100 rows{how}: own CPU per table", 5, own_milliseconds(f"{server}-small", name),
                   unit="ms")
            for name, how in [("sync", ""), (BY_SHELL, " by `sh>: embulk run`")]]


def to_anchor(job, makes, field):
    def measured(figures):
        ours, anchor = figures.find(job, "sync", makes), figures.anchor(job) if job in figures.jobs else None
        return getattr(ours, field) / getattr(anchor, field) if ours and anchor and getattr(anchor, field) else None
    return measured


def peak_of(job, makes):
    def measured(figures):
        ours = figures.find(job, "sync", makes)
        return ours.peak / MB if ours else None
    return measured


def speed_beside(job, peer, makes):
    def measured(figures):
        ours, other = figures.find(job, "sync", makes), figures.find(job, peer, makes)
        return other.wall / ours.wall if ours and other else None
    return measured


def speed_beside_embulk(job):
    def measured(figures):
        ratio = to_anchor(job, "CSV gzip", "wall")(figures)
        return EMBULK / ratio if ratio else None
    return measured


def own_milliseconds(job, name):
    def measured(figures):
        ours = figures.find(job, name)
        return ours.cpu if ours else None
    return measured
