"""The report of a run, in Markdown."""
from figures import Figures
from losses import losses
from rounds import SLOW_SECONDS
from targets import all_targets

HEAD = """# Benchmarks

Written by `bench/run` on {started}; `bench/run --help` says how to do it again.

- Machine: {machine}; servers and clients share it. Its load was {load:.1f} at the start.
- Tables: `orders` has {orders:,} rows of 16 columns, as text some 235 bytes each; `narrow` {narrow:,} of 4. Both lie in
  memory.
- Each figure is the median of {rounds} rounds or more after one that warms up; in each round all contenders of a job take
  turns. Other programs take part, in jobs that show them, in {peer_rounds} or more, in one where they need more than {slow} s.
- Client and server share the machine's cores and memory, so it is the ratios that count, not the seconds.
- CPU is user and system time, of a client with its children; the peak of memory is that of its largest process.
- `sync` reads over one connection, with its defaults, as do the others where they have such a choice.
"""


def report(content):
    about, figures = content["about"], Figures(content["values"])
    parts = [head(about), versions(about), targets(figures), lost(figures, about)]
    parts += ["## Jobs\n"] + [job(figures, name, about) for name in figures.jobs]
    return "\n".join(parts)


def head(about):
    rounds = about["rounds"]
    return HEAD.format(
        started=about["started"], machine=about["machine"], load=about["load"], orders=about["rows"],
        narrow=about["rows"] * 10 // 3, rounds=rounds, peer_rounds=min(about["peer_rounds"], rounds), slow=SLOW_SECONDS)


def versions(about):
    lines = [f"- {name}: {version}" for name, version in about["versions"].items()]
    lines += [f"- left out: {reason}" for reason in about["left_out"]]
    return "## Versions\n\n" + "\n".join(lines) + "\n"


def targets(figures):
    lines = ["## Targets\n", "Walls and CPU of the server are ratios to what the server's own client takes.\n",
             "| what | measured | target | met |", "|---|---:|---:|---|"]
    for target in all_targets():
        value, is_met = target.check(figures)
        sign = "≥" if target.is_floor else "≤"
        shown = "not measured" if value is None else f"{value:.2f} {target.unit}"
        verdict = {None: "", True: "yes", False: "**no**"}[is_met]
        lines.append(f"| {target.what} | {shown} | {sign} {target.limit:g} {target.unit} | {verdict} |")
    return "\n".join(lines) + "\n"


def lost(figures, about):
    found = losses(figures, about["titles"]) or ["Nowhere in these figures."]
    return "## Where we lose\n\n" + "\n".join(f"- {line}" for line in found) + "\n"


def job(figures, name, about):
    rows, anchor = figures.of(name), figures.anchor(name)
    lines = [f"### {about['titles'][name]} (`{name}`)\n",
             "| who | makes | wall s | × | slowest s | CPU s | server CPU s | × | peak MB | out MB |",
             "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|"]
    lines += [line(row, anchor) for row in rows if not row.failed]
    lines += [f"\n{row.name} → {row.makes} failed: {row.failed}" for row in rows if row.failed]
    if anchor and about["tables"][name] > 1:
        lines.append("\n" + per_table(figures, name, anchor, about["tables"][name]))
    return "\n".join(lines) + "\n"


def line(row, anchor):
    def ratio(field):
        base = getattr(anchor, field) if anchor else 0
        return f"{getattr(row, field) / base:.2f}" if base else ""

    written = f"{row.written / 1e6:.1f}" if row.written else ""
    return (f"| {row.name} | {row.makes} | {row.wall:.2f} | {ratio('wall')} | {row.slowest:.2f} | {row.cpu:.2f} | "
            f"{row.server_cpu:.2f} | {ratio('server_cpu')} | {row.peak / 1e6:.1f} | {written} |")


def per_table(figures, name, anchor, tables):
    ours = figures.find(name, "sync")
    if ours is None:
        return ""
    beyond = (ours.wall - anchor.wall) / tables * 1000
    own, servers = (cpu / tables * 1000 for cpu in (ours.cpu, ours.server_cpu))
    return (f"A table costs `sync` {own:.2f} ms of CPU and the server {servers:.2f} ms; it takes {beyond:+.2f} ms of wall "
            "beside a client that reads all over one connection and writes nothing.")
