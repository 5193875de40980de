"""One measurement: what a command took, and what it cost the server."""
import os
import pathlib
import shutil
import subprocess
import sys
import time

LONGEST_SECONDS = 1800
SPAWN = pathlib.Path(__file__).with_name("spawn.py")
TICKS = os.sysconf("SC_CLK_TCK")


class Failed(Exception):
    """A command that ended with an error, with the end of what it said."""


def measure(places, server, contender):
    """Figures of one run: seconds of wall and CPU, peak of memory and output in bytes."""
    shutil.rmtree(places.out, ignore_errors=True)
    places.out.mkdir()
    pid = int((server.folder / "server.pid").read_text())
    before = settled_cpu(pid)
    wall, user, system, peak, code = spawn(places, contender)
    after = settled_cpu(pid)
    if code != 0:
        raise Failed(f"exit code {code}: {last_lines(places)}")
    written = sum(path.stat().st_size for path in places.out.rglob("*") if path.is_file())
    shutil.rmtree(places.out)
    if contender.makes != "nothing" and written == 0:
        raise Failed("nothing was written")
    return {"wall": wall, "cpu": user + system, "server_cpu": after - before, "peak": peak * 1024, "written": written}


def spawn(places, contender):
    report = places.scratch / "spawned"
    environment = os.environ | {"HOME": os.fspath(places.scratch / "home"), "TZ": "UTC"} | contender.environment
    with open(contender.stdin or os.devnull) as stdin, open(places.scratch / "said", "w") as said:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", SPAWN, report, *contender.command], stdin=stdin, stdout=subprocess.DEVNULL,
            stderr=said, env=environment, cwd=places.project, start_new_session=True)
        try:
            process.wait(LONGEST_SECONDS)
        except BaseException as error:
            os.killpg(process.pid, 9)
            process.wait()
            if isinstance(error, subprocess.TimeoutExpired):
                raise Failed(f"not done after {LONGEST_SECONDS} s") from None
            raise
    if process.returncode != 0:
        raise Failed(f"did not start: {last_lines(places)}")
    *figures, code = report.read_text().split()
    return [float(figure) for figure in figures] + [int(code)]


def last_lines(places):
    lines = (places.scratch / "said").read_text(errors="replace").strip().splitlines()
    return " | ".join(lines[-3:])[-500:] or "it said nothing"


def settled_cpu(pid):
    """CPU seconds of a server, once it has stopped working for a client that has gone."""
    spent = cpu(pid)
    for _ in range(40):
        time.sleep(0.05)
        now = cpu(pid)
        if now == spent:
            break
        spent = now
    return spent


def cpu(pid):
    """Of the process, its children, and those that have ended: a backend of PostgreSQL is one."""
    total = 0
    for process in [pid, *children(pid)]:
        try:
            fields = pathlib.Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += sum(int(field) for field in fields[11:15])
    return total / TICKS


def children(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
