"""What bench/run starts once the servers are up: measures, keeps every value, writes the report."""
import argparse
import fnmatch
import json
import os
import pathlib
import signal
import sys

from report import report


def main():
    # What runs is ended before we are.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("bench/run: stopped measuring"))
    options = read_options()
    if options.again:
        contents = [json.loads(path.read_text()) for path in options.again]
        publish(report(together(contents)), options, is_whole=False)
        return
    places, jobs = prepare(options)
    import machine
    import rounds

    about = machine.about(places, options.rows, options.rounds) | {"peer_rounds": options.peer_rounds}
    about["titles"] = {job.name: job.title for job in jobs}
    about["tables"] = {job.name: job.tables for job in jobs}
    name = about["versions"]["sync"].replace(",", "").replace(" ", "-")
    results = rounds.Results(free_name(places.cache / "results", name), about)
    rounds.run_jobs(places, jobs, options.rounds, options.peer_rounds, results.keep)
    print(f"bench/run: the values are in {results.path}", file=sys.stderr)
    publish(report(results.content), options, is_whole=is_whole(options))


def read_options():
    parser = argparse.ArgumentParser(prog="bench/run", add_help=False, allow_abbrev=False)
    parser.add_argument("--only", nargs="+", default=[], metavar="JOB")
    parser.add_argument("--rows", type=int, default=3_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peer-rounds", type=int, default=3)
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--peers", nargs="+", metavar="PEER")
    parser.add_argument("--load", action="store_true")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--again", nargs="+", type=pathlib.Path)
    parser.add_argument("--report", type=pathlib.Path)
    return parser.parse_args()


def together(contents):
    """Runs of different jobs as one; where two have measured the same job, the later one counts. They must be of one
    program, machine and size."""
    about = contents[0]["about"]
    values = []
    for content in contents:
        other = content["about"]
        for what in ["machine", "rows"]:
            if other[what] != about[what]:
                sys.exit(f"bench/run: the runs are of different kinds: {what} is {about[what]} and {other[what]}")
        if other["versions"]["sync"] != about["versions"]["sync"]:
            sys.exit("bench/run: the runs are of different versions of sync")
        measured = {value["job"] for value in content["values"]}
        values = [value for value in values if value["job"] not in measured] + content["values"]
        about = about | {"left_out": list(dict.fromkeys(about["left_out"] + other["left_out"])),
                         "versions": about["versions"] | other["versions"]}
        about = about | {name: about[name] | other[name] for name in ["titles", "tables"]}
        about = about | {name: min(about[name], other[name]) for name in ["rounds", "peer_rounds"]}
    return {"about": about, "values": values}


def is_whole(options):
    return not options.only and not options.no_peers and not options.peers and options.rows == 3_000_000


def prepare(options):
    """Places and the jobs that are asked for. With `--list`, and when bench/run only wants to know whether it was called
    rightly, that is all."""
    import jobs
    import places

    found_places = places.Places(options.rows)
    known = jobs.all_jobs(found_places, not options.no_peers)
    chosen = [job for job in known if not options.only or any(fnmatch.fnmatch(job.name, name) for name in options.only)]
    for name in options.only:
        if not any(fnmatch.fnmatch(job.name, name) for job in known):
            print(f"bench/run: there is no job `{name}`; `bench/run --list` has all", file=sys.stderr)
            sys.exit(2)
    for job in chosen:
        taking_part = [one for one in job.contenders if not one.is_peer or one.name in (options.peers or [one.name])]
        job.contenders[:] = taking_part
    if options.list:
        for job in chosen:
            print(f"{job.name:20} {job.title}")
    elif not options.load and not found_places.sync.exists():
        sys.exit(f"bench/run: {found_places.sync} is not there: build it with `cargo build --release`, or set SYNC")
    if "BENCH_DRY" in os.environ:
        sys.exit(0)
    return found_places, chosen


def free_name(folder, name):
    path, number = folder / f"{name}.json", 1
    while path.exists():
        number += 1
        path = folder / f"{name}-{number}.json"
    return path


def publish(text, options, is_whole):
    """A report of all jobs on whole tables is the project's; any other is for the terminal, unless a file is named."""
    path = options.report or (pathlib.Path(os.environ["BENCH_ROOT"]) / "BENCHMARKS.md" if is_whole else None)
    if path is None:
        print(text)
    else:
        path.write_text(text)
        print(f"bench/run: wrote {path}", file=sys.stderr)


if __name__ == "__main__":
    main()
