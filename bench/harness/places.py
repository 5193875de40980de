"""Where things are: bench/run says so in the environment."""
import os
import pathlib
import shutil

from contender import Server


class Places:
    def __init__(self, rows):
        self.rows = rows
        self.root = pathlib.Path(os.environ["BENCH_ROOT"])
        self.cache = pathlib.Path(os.environ["BENCH_CACHE"])
        self.scratch = pathlib.Path(os.environ["BENCH_SCRATCH"])
        self.mysql_client = pathlib.Path(os.environ["BENCH_MYSQL"]) / "mysql"
        self.sync = pathlib.Path(os.environ.get("SYNC") or self.root / "target/release/sync").resolve()
        # Emptied before each measurement.
        self.out = self.scratch / "out"
        self.project = self.scratch / "project"
        data = pathlib.Path(os.environ["BENCH_DATA"])
        self.mariadb, self.mysql, self.postgres = (
            Server(name, title, int(os.environ[f"BENCH_{name.upper()}_PORT"]), data / name)
            for name, title in [("mariadb", "MariaDB"), ("mysql", "MySQL"), ("postgres", "PostgreSQL")])
        shutil.copytree(self.root / "bench/jobs", self.project, dirs_exist_ok=True)
        (self.scratch / "home").mkdir(exist_ok=True)

    def write(self, name, text):
        """A file of this run alone, for whoever wants its settings in one."""
        path = self.scratch / name
        path.write_text(text)
        path.chmod(0o600)
        return path
