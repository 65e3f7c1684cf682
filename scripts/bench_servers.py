"""The measuring part of `bench.sh servers`: runs Kafka, the separate programs and Elasticsearch on one machine."""
import argparse
import os
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

from lab import Lab, link_programs

CONFIG = """
[log]
store = "kafka"
partitions = 4
[views]
store = "elasticsearch"
[data]
directory = "{folder}/data"
[kafka]
brokers = ["{kafka}"]
group = "bench-speed"
[elasticsearch]
urls = ["{elasticsearch}"]
[acquisition]
sources = [{{ name = "simulator", url = "ws://127.0.0.1:{port}/" }}]
[operations]
acquisition = "127.0.0.1:{acquisition}"
speed = "127.0.0.1:{speed}"
batch = "off"
"""

PORT = 34100
# Long enough to create the indices of all days that the stream touches.
WARM_UP_SECONDS = 60
RATE = 1000

# Event time passes this many times as fast as wall time during a soak. After a third of the soak, windows and
# their baseline are full.
SOAK_SPEED = 5


class Services:
    """Real servers and Pulso's programs. All of them end with this process."""

    def __init__(self, lab, program, folder):
        self.folder, self.running, self.lab = Path(folder), {}, Lab(lab)
        link_programs(program, self.folder)
        self.config = self.folder / "pulso.toml"
        self.config.write_text(CONFIG.format(
            folder=folder, port=PORT, acquisition=PORT + 1, speed=PORT + 2, **self.lab.addresses
        ))
        self.run("pulso", "--config", self.config, "setup")

    def run(self, name, *arguments):
        subprocess.run([self.folder / name, *map(str, arguments)], check=True, stdout=subprocess.DEVNULL)

    def start(self, name, *arguments):
        log = open(self.folder / f"{name}.log", "a")
        self.running[name] = subprocess.Popen(
            [self.folder / name, *map(str, arguments)], stdin=subprocess.PIPE, stdout=log, stderr=log
        )

    def start_service(self, name):
        self.start(name, "--config", self.config, "run")

    def stop(self, name):
        process = self.running.pop(name)
        process.terminate()
        process.wait(60)

    def close(self):
        for name in list(self.running):
            self.stop(name)
        self.lab.close()

    def metrics(self, port):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
            return [line for line in answer.read().decode().splitlines() if not line.startswith("#")]

    def value(self, port, name):
        return sum(float(line.rsplit(" ", 1)[1]) for line in self.metrics(port) if line.startswith(name))

    def buckets(self):
        """Returns, by seconds, how many messages took at most that long from receipt to acknowledged views."""
        prefix = 'pulso_speed_end_to_end_seconds_bucket{stream="rsvps",le="'
        lines = [line[len(prefix):] for line in self.metrics(PORT + 2) if line.startswith(prefix)]
        return {float(line.split('"')[0]): float(line.rsplit(" ", 1)[1]) for line in lines}

    def resident(self, name):
        """Returns the resident memory in MB."""
        status = Path(f"/proc/{self.running[name].pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1000

    def cpu(self, name):
        """Returns the CPU seconds so far, user plus system."""
        fields = Path(f"/proc/{self.running[name].pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def quantile(before, after, share):
    """Interpolates linearly within a bucket, as Prometheus does."""
    counts = {bound: after[bound] - before.get(bound, 0) for bound in sorted(after)}
    wanted, low, below = share * max(counts.values()), 0.0, 0.0
    for bound, count in counts.items():
        if count >= wanted:
            if bound == float("inf"):
                return low
            return low + (bound - low) * (wanted - below) / max(count - below, 1)
        low, below = bound, count
    return low


def latency(services, seconds, stream):
    services.start("pulso-simulator", "run", "--rate", RATE, "--listen", f"127.0.0.1:{PORT}", *stream)
    services.start_service("pulso-acquisition")
    services.start_service("pulso-speed")
    time.sleep(WARM_UP_SECONDS)
    before = services.buckets()
    time.sleep(seconds)
    print_latency(before, services.buckets(), seconds)


def print_latency(before, after, seconds):
    count = max(after.values()) - max(before.values())
    p50, p99 = (1000 * quantile(before, after, share) for share in (0.5, 0.99))
    print(f"\nreceived to acknowledged, {count / seconds:.0f} messages/s for {seconds} s: p50 {p50:.0f} ms, p99 {p99:.0f} ms (goal 500)", flush=True)


def hurried(minutes):
    """Returns options that make the simulator's time pass faster and end about now."""
    start = time.time() - 60 * (minutes + 10) * SOAK_SPEED
    return ["--rate-event-time", RATE // SOAK_SPEED, "--start", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(start))]


def soak(services, minutes):
    """Takes a sample every minute while the services keep running."""
    samples = []
    for minute in range(minutes):
        if minute == minutes // 3:
            before = services.buckets()
        time.sleep(60)
        lag = services.value(PORT + 2, "pulso_consumer_lag")
        samples.append((services.resident("pulso-acquisition"), services.resident("pulso-speed"), lag))
        print("acquisition {:.0f} MB, speed {:.0f} MB, lag {:.0f}".format(*samples[-1]), flush=True)
    tail = samples[minutes // 3:]
    print_latency(before, services.buckets(), 60 * len(tail))
    for column, name in enumerate(("acquisition", "speed")):
        values = [sample[column] for sample in tail]
        half = len(values) // 2
        growth = sum(values[half:]) / len(values[half:]) - sum(values[:half]) / max(half, 1)
        print(f"{name}: {min(values):.0f} to {max(values):.0f} MB after the first third; second half of that minus first: {growth:+.1f} MB")


def backlog(services, messages):
    """Measures how fast the speed layer reads what was written while it was stopped."""
    path = services.folder / "backlog.jsonl"
    services.run("pulso-simulator", "generate", "--seed", 2, "--messages", messages, "--start",
                 time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "--rate-event-time", 500, "--output", path)
    services.stop("pulso-speed")
    services.stop("pulso-acquisition")
    services.stop("pulso-simulator")
    services.run("pulso-acquisition", "--config", services.config, "run", "--file", path)
    services.start_service("pulso-speed")
    begun = None
    while True:
        time.sleep(0.5)
        try:
            lag = services.value(PORT + 2, "pulso_consumer_lag")
        except OSError:
            continue
        if begun is None and lag > 0:
            begun, first, cpu = time.monotonic(), lag, services.cpu("pulso-speed")
        if begun and lag == 0:
            break
    took, cpu = time.monotonic() - begun, services.cpu("pulso-speed") - cpu
    print(f"catching up, Kafka to Elasticsearch: {first / took:.0f} messages/s, {cpu / first * 1e6:.1f} CPU s per million in the speed layer", flush=True)


def consumers(program, brokers):
    """Compares reading the log with a bare consumer."""
    output = subprocess.run(
        [program], check=True, stdout=subprocess.PIPE, text=True, env={**os.environ, "KAFKA_BROKERS": brokers}
    ).stdout
    print(output, end="", flush=True)


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench.sh servers", description=__doc__)
    parser.add_argument("lab", help=argparse.SUPPRESS)
    parser.add_argument("program", help=argparse.SUPPRESS)
    parser.add_argument("read", help=argparse.SUPPRESS)
    parser.add_argument("--seconds", type=int, default=60, help="how long to measure latencies")
    parser.add_argument("--messages", type=int, default=300_000, help="the size of the backlog")
    parser.add_argument("--soak", type=int, default=0, metavar="MINUTES")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pulso-bench-") as folder:
        services = Services(options.lab, options.program, folder)
        try:
            consumers(options.read, services.lab.addresses["kafka"])
            latency(services, options.seconds, hurried(options.soak) if options.soak else [])
            if options.soak:
                soak(services, options.soak)
            backlog(services, options.messages)
        finally:
            services.close()


if __name__ == "__main__":
    main()
