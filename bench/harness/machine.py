"""What was measured where: the machine, the servers, the programs."""
import os
import pathlib
import platform
import re
import subprocess


def about(places, rows, rounds):
    return {
        "rows": rows, "rounds": rounds, "machine": machine(), "load": os.getloadavg()[0],
        "versions": versions(places), "left_out": left_out(places)}


def machine():
    cpu = re.search(r"model name\s*: (.*)", read("/proc/cpuinfo"))
    memory = re.search(r"MemTotal:\s*(\d+)", read("/proc/meminfo"))
    distribution = re.search(r'PRETTY_NAME="(.*)"', read("/etc/os-release"))
    return (f"{os.cpu_count()} cores ({cpu.group(1) if cpu else platform.machine()}), "
            f"{int(memory.group(1)) / 2**20:.0f} GiB of memory, "
            f"{distribution.group(1) if distribution else 'Linux'}, kernel {platform.release()}")


def versions(places):
    found = {"sync": f"{first_line([places.sync, '--version'])}{revision(places)}"}
    found["MariaDB"] = first_line(["mariadb", "--version"])
    found["MySQL"] = first_line([places.mysql_client, "--version"]).partition(" ")[2]
    found["PostgreSQL"] = first_line(["psql", "--version"])
    for requirements in sorted((places.root / "bench/peers/requirements").glob("*.txt")):
        name, _, version = requirements.stem.rpartition("-")
        found[name] = version
    if mydumper := first_line(["mydumper", "--version"]):
        found["mydumper"] = mydumper
    return found


def revision(places):
    if os.environ.get("SYNC"):
        return ""  # built from who knows what.
    line = first_line(["git", "-C", places.root, "log", "-1", "--format=%h of %cs"])
    return f", {line}" if line else ""


def left_out(places):
    return read(places.cache / "left-out").splitlines()


def first_line(command):
    try:
        said = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return ""
    return said.strip().partition("\n")[0]


def read(path):
    try:
        return pathlib.Path(path).read_text()
    except OSError:
        return ""
