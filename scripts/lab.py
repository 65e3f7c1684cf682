"""Starts real servers and Pulso's programs; shared by chaos.py and bench_servers.py."""
import subprocess
import sys
from pathlib import Path

PROGRAMS = ("pulso", "pulso-acquisition", "pulso-speed", "pulso-batch", "pulso-web", "pulso-simulator")


class Lab:
    """The servers and the proxy in front of Elasticsearch, with their `addresses` by name. They end with this process."""

    def __init__(self, program):
        self.process = subprocess.Popen(
            [program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        self.addresses = {}
        while line := self.process.stdout.readline().strip():
            name, address = line.split("=", 1)
            self.addresses[name] = address
        if not self.addresses:
            sys.exit(3)

    def __call__(self, command):
        print(f"  {command}", flush=True)
        print(command, file=self.process.stdin, flush=True)
        assert self.process.stdout.readline() == "ok\n", f"the lab failed at `{command}`"

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def link_programs(program, folder):
    """Links every program's name to the one executable, which looks at the name it is called by."""
    for name in PROGRAMS:
        (folder / name).symlink_to(Path(program).resolve())
