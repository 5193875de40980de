"""Where `sync` loses: targets that it misses, and figures in which another program does the same work better."""
from targets import all_targets

# A smaller difference is noise.
MARGIN = 1.03
# With what of ours others are compared. Output without compression, or of another form, is not compared by its size.
SAME_WORK = {"CSV": "CSV gzip", "NDJSON": "NDJSON gzip", "SQL gzip": "CSV gzip"}
FIELDS = {"wall": "wall time", "cpu": "CPU", "server_cpu": "CPU of the server", "peak": "memory", "written": "bytes"}
# Memory that does not depend on the table differs by less.
FLAT = 1.5


def losses(figures, titles):
    """Sentences, targets first."""
    return missed(figures) + beaten(figures, titles) + growth(figures, titles)


def missed(figures):
    found = []
    for target in all_targets():
        value, is_met = target.check(figures)
        if is_met is False:
            word = "at least" if target.is_floor else "at most"
            found.append(
                f"{target.what}: {value:.2f} {target.unit}, the target is {word} {target.limit:g} {target.unit}.")
    return found


def beaten(figures, titles):
    found = []
    for row in figures.rows:
        if not row.is_peer or row.failed:
            continue
        makes = SAME_WORK.get(row.makes, row.makes)
        ours = figures.find(row.job, "sync", makes)
        if ours is None:
            continue
        better = [f"{getattr(row, field) / getattr(ours, field):.2f} × our {word}"
                  for field, word in FIELDS.items() if is_better(row, ours, field)]
        if better:
            found.append(f"{titles[row.job]} → {makes}: {row.name} takes {', '.join(better)}.")
    return found


def is_better(row, ours, field):
    if field == "written" and row.makes != ours.makes:
        return False
    return getattr(row, field) * MARGIN < getattr(ours, field)


def growth(figures, titles):
    """Of the memory, from the least to the most of the transfers of a job for memory."""
    found = []
    for job in figures.jobs:
        rows = [row for row in figures.of(job) if not row.failed]
        if not job.startswith("memory-") or not rows:
            continue
        least, most = min(rows, key=lambda row: row.peak), max(rows, key=lambda row: row.peak)
        if most.peak > least.peak * FLAT:
            found.append(f"{titles[job]}: {most.name} takes {most.peak / 1e6:.0f} MB, "
                         f"{least.name} {least.peak / 1e6:.0f} MB.")
    return found
