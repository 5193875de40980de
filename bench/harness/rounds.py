"""Takes turns: in each round every contender of a job runs once, so that whatever changes on the machine meets all."""
import json
import sys
import time

from measure import Failed, measure

# Other programs can be slow, and their figures need not be as precise.
SLOW_PEER_ROUNDS = 1
SLOW_SECONDS = 60


def run_jobs(places, jobs, rounds, peer_rounds, keep):
    """Measures all jobs. `keep` is given every value as soon as it is there."""
    for job in jobs:
        print(f"{job.name}: {job.title}", file=sys.stderr)
        last_round = {contender.key: min(rounds, peer_rounds) if contender.is_peer else rounds
                      for contender in job.contenders}
        # Round 0 warms up caches and is not counted.
        for number in range(rounds + 1):
            for contender in job.contenders:
                if number > last_round[contender.key]:
                    continue
                value = {"job": job.name, "contender": contender.name, "makes": contender.makes,
                         "is_peer": contender.is_peer, "round": number}
                try:
                    value |= measure(places, job.server, contender)
                    if contender.is_peer and value["wall"] > SLOW_SECONDS:
                        last_round[contender.key] = SLOW_PEER_ROUNDS
                except Failed as error:
                    last_round[contender.key] = -1
                    value["failed"] = str(error)
                keep(value)
                tell(value)


def tell(value):
    who = f"{value['contender']} → {value['makes']}"
    if "failed" in value:
        print(f"  round {value['round']}  {who:44} {value['failed']}", file=sys.stderr)
        return
    print(f"  round {value['round']}  {who:44} {value['wall']:8.2f} s  CPU {value['cpu']:7.2f} s  server "
          f"{value['server_cpu']:6.2f} s  {value['peak'] / 1e6:7.1f} MB  {value['written'] / 1e6:8.1f} MB out", file=sys.stderr)


class Results:
    """The values of a run in a file, which is whole at any moment."""

    def __init__(self, path, about):
        self.path = path
        self.content = {"about": about | {"started": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())}, "values": []}
        path.parent.mkdir(parents=True, exist_ok=True)

    def keep(self, value):
        self.content["values"].append(value)
        new = self.path.with_suffix(".new")
        new.write_text(json.dumps(self.content, indent=1, ensure_ascii=False))
        new.replace(self.path)
