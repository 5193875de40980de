"""Runs one command and writes what it took: wall, user and system seconds, peak of memory in KiB, exit code.

A program of its own because Linux counts the memory of whoever starts a command into the command's peak: this one has
next to none. Children that the command waits for are in the figures; of several processes the peak is that of the largest.

    python3 -I -S spawn.py REPORT COMMAND...
"""
import os
import sys
import time

report, command = sys.argv[1], sys.argv[2:]
began = time.perf_counter()
pid = os.posix_spawnp(command[0], command, os.environ)
_, status, usage = os.wait4(pid, 0)
wall = time.perf_counter() - began
with open(report, "w") as file:
    print(wall, usage.ru_utime, usage.ru_stime, usage.ru_maxrss, os.waitstatus_to_exitcode(status), file=file)
