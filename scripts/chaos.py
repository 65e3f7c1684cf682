"""Implements scripts/chaos.sh: runs services under load, injects faults at random moments, and checks the result.

The services serve two streams at once: RSVPs from a websocket, and posts from a file that is read at the same pace.
Worlds of the faults named `sources-…` also take lines of an access log: from a file that is rotated, by POST and over
TCP. After each fault, it checks that Elasticsearch has every response exactly once, compared by `_id` with an
undisturbed replay of the same file in one process; that the posts of each day and language are counted as there;
that `verify` holds for both; and that no service has ended by itself, except where the fault refuses it what it
needs.
"""
import argparse
import json
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from datetime import datetime, timedelta
from pathlib import Path

import chaos_sources
from lab import Lab, link_programs

SETTLE_SECONDS = 180

# How many seconds a fault takes, for faults that last longer than the stream at its full rate.
DURATIONS = {"elasticsearch-stopped": 140, "paused-reader": 60, "everything": 90, "kafka-paused": 40, "rebalance": 25, "disk-full": 90}

CONFIG = """
[log]
store = "kafka"
partitions = 3
[views]
store = "elasticsearch"
[data]
directory = "{folder}/data"
[kafka]
brokers = ["{kafka}"]
topic_prefix = "{prefix}"
[elasticsearch]
urls = ["{proxy}"]
index_prefix = "{prefix}"
request_timeout = "10s"
[acquisition]
connect_timeout = "2s"
idle_timeout = "5s"
ping_interval = "1s"
pong_timeout = "2s"
backoff_max = "2s"
[spool]
bytes_max = "{spool}"
at_limit = "{at_limit}"
[window]
idle_timeout = "3s"
[checkpoint]
interval = "1s"
[operations]
acquisition = "127.0.0.1:{port}"
speed = "off"
batch = "off"
[streams.rsvps]
[streams.posts]
[[acquisition.sources]]
name = "simulator"
url = "{url}"
stream = "rsvps"
"""

# The service that reads posts from their file, and ends.
POSTS = "posts"


class World:
    """One run: a stream, topics and indices of its own, and services that are restarted when they end."""

    def __init__(self, lab, options, name, seed):
        self.lab, self.options, self.random = lab, options, random.Random(f"{name}/{seed}")
        self.folder = Path(tempfile.mkdtemp(prefix=f"pulso-chaos-{name}-"))
        self.prefix = f"chaos-{name}-{os.getpid()}-{seed}"
        self.port = 33000 + (os.getpid() + seed * 7) % 500 * 2
        self.settings = {"spool": "1GiB", "at_limit": "wait"}
        # Make the stream last as long as the fault.
        self.rate = min(options.rate, max(1, int(options.messages / DURATIONS.get(name, 1))))
        # What sends lines, to which sources, and how many writes a fault may have repeated.
        self.senders, self.kinds, self.repeated, self.spool_disk = None, (), 0, False
        self.services, self.surprises, self.lost_allowed, self.clock = {}, [], False, None
        self.ends_allowed = False
        self.deliberate = set()
        self.bin = self.folder / "bin"
        self.bin.mkdir()
        link_programs(os.environ["PULSO_PROGRAMS"], self.bin)
        self.recording = self.folder / "stream.jsonl"
        start = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        self.run(
            "pulso-simulator", "generate", "--seed", seed, "--messages", options.messages,
            "--start", start, "--rate-event-time", self.rate, "--output", self.recording,
        )
        # Over a midnight that is past, so that there is a day that the batch layer completes.
        midnight = time.time() // 86400 * 86400 - 86400
        start = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(midnight - options.messages / self.rate / 2))
        self.posts = self.folder / "posts.jsonl"
        self.run(
            "pulso-simulator", "generate", "--stream", "posts", "--seed", seed, "--messages", options.messages,
            "--start", start, "--rate-event-time", self.rate, "--output", self.posts,
        )

    def start(self):
        config = CONFIG.format(
            folder=self.folder, prefix=self.prefix, port=self.port, url=f"ws://127.0.0.1:{self.port + 1}/",
            **self.lab.addresses, **self.settings,
        )
        if self.kinds:
            push, tcp = free_port(), free_port()
            config += "[streams.requests]\n" + chaos_sources.CONFIG.format(folder=self.folder, push=push, tcp=tcp)
        (self.folder / "pulso.toml").write_text(config)
        if self.spool_disk:
            self.mount_spool()
        self.pulso("pulso", "setup")
        self.simulator = subprocess.Popen(
            [self.bin / "pulso-simulator", "run", self.recording, "--rate", str(self.rate),
             "--listen", f"127.0.0.1:{self.port + 1}", "--resume-buffer", str(self.options.messages)],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=open(self.folder / "simulator.log", "a"),
            text=True, bufsize=1,
        )
        for service in ("acquisition", "speed", POSTS):
            self.spawn(service)
        if self.kinds:
            self.senders = chaos_sources.Senders(self.folder, push, tcp, self.kinds)

    def spools(self):
        return self.folder / "data" / "spool"

    def mount_spool(self):
        """Gives the spools a small disk of their own."""
        self.spools().mkdir(parents=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "pulso-chaos", self.spools()], check=True)

    def fill_spool(self):
        print("  fill the spool's disk", flush=True)
        try:
            with open(self.spools() / "ballast", "wb", buffering=0) as file:
                while file.write(bytes(65536)):
                    pass
        except OSError:
            pass

    def fake_clock(self):
        """Makes services that start from now on use a clock that `set_clock` sets."""
        source = Path(__file__).with_name("clock.c")
        self.clock = self.folder / "clock.so"
        subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", self.clock, source], check=True)
        self.set_clock(0)

    def set_clock(self, seconds):
        """Sets the clock's distance from the machine's clock. Writes in place, because the services map the file."""
        with open(self.folder / "clock", "r+b" if (self.folder / "clock").exists() else "wb") as file:
            file.write(struct.pack("q", seconds * 1000))

    def config(self, program):
        return [self.bin / program, "--config", self.folder / "pulso.toml"]

    def run(self, program, *arguments, check=True):
        done = subprocess.run(
            [self.bin / program, *map(str, arguments)], capture_output=True, text=True, check=False
        )
        if check and done.returncode:
            raise AssertionError(f"{program} {arguments} ended with {done.returncode}: {done.stderr[-2000:]}")
        return done

    def pulso(self, program, *arguments, check=True):
        return self.run(program, "--config", self.folder / "pulso.toml", *arguments, check=check)

    def spawn(self, name):
        program = name.split(".")[0]
        environment = dict(os.environ)
        if self.clock:
            environment |= {"LD_PRELOAD": str(self.clock), "PULSO_CLOCK": str(self.folder / "clock")}
        log = open(self.folder / f"{name}.log", "a")
        command = self.config(f"pulso-{program}") + ["run"]
        if name == POSTS:
            command = self.config("pulso-acquisition") + ["run", "--stream", "posts", "--file", self.posts]
            command += ["--pace", str(self.rate)]
        self.services[name] = subprocess.Popen(
            command, stdout=log, stderr=log, env=environment, cwd=self.folder
        )

    def kill(self, name):
        print(f"  kill -9 {name}", flush=True)
        self.services[name].kill()
        self.services[name].wait()
        self.deliberate.add(self.services[name].pid)

    def stop(self, name):
        """Ends a service for good, and in order."""
        service = self.services.pop(name)
        service.terminate()
        service.wait(40)

    def disturb(self, command):
        print(f"  simulator: {command}", flush=True)
        print(command, file=self.simulator.stdin, flush=True)

    def sleep(self, low, high=None):
        """Sleeps, and restarts services that end in the meantime, as a supervisor does."""
        end = time.monotonic() + (self.random.uniform(low, high) if high else low)
        while time.monotonic() < end:
            self.supervise()
            time.sleep(0.05)

    def supervise(self):
        for name, process in list(self.services.items()):
            if process.poll() is None:
                continue
            if name == POSTS and process.returncode == 0:
                del self.services[name]
                continue
            if process.pid not in self.deliberate:
                print(f"  {name} ended by itself with {process.returncode}", flush=True)
                if not (self.ends_allowed and process.returncode == 3):
                    self.surprises.append(f"{name} ended by itself with {process.returncode}")
                self.deliberate.add(process.pid)
                time.sleep(1)
            self.spawn(name)

    # The checks.

    def prove(self):
        reference = self.folder / "reference"
        self.run("pulso", "replay", self.recording, "--data", reference)
        expected = self.run("pulso", "export", "responses", "--data", reference, "--layer", "speed").stdout
        expected = {identity(json.loads(line)) for line in expected.splitlines()}
        found = self.settle(expected)
        lost, strange = expected - found, found - expected
        assert not strange, f"{len(strange)} responses that nobody sent, such as {sorted(strange)[:3]}"
        if self.lost_allowed:
            counted = self.metric("pulso_discarded_events_total", 'component="acquisition"')
            assert counted, "the limit was not reached"
            # Fewer are lost than were dropped if the source still has them and sends them after a reconnect.
            assert len(lost) <= counted, f"{len(lost)} responses lost, but only {counted:.0f} counted"
            print(f"  {len(lost)} responses lost, {counted:.0f} messages counted as dropped")
        else:
            assert not lost, f"{len(lost)} responses lost, such as {sorted(lost)[:3]}"
        if self.senders:
            self.arrived()
        deadline = time.monotonic() + SETTLE_SECONDS
        while POSTS in self.services:
            assert time.monotonic() < deadline, "not all posts are in the log"
            self.sleep(1)
        for service in self.services.values():
            service.send_signal(signal.SIGCONT)
        # The source has nothing new, and sends all it has whenever acquisition takes it for dead. These echoes
        # would change the days again and again that the batch layer has computed.
        self.stop("acquisition")
        # Wait for the windows that partitions hold back until they are idle.
        self.sleep(8)
        # The jobs may not have run yet: then nothing of the batch layer can be compared.
        self.verify(0, 4)
        self.pulso("pulso-batch", "run", "all")
        self.verify(0)
        batch = self.responses()
        assert batch == found, f"the batch layer has {len(batch)} responses, the speed layer {len(found)}"
        if not self.lost_allowed:
            self.run("pulso", "replay", self.posts, "--stream", "posts", "--data", reference)
            export = "export", "language-days", "--layer", "batch"
            undisturbed = self.run("pulso", *export, "--data", reference).stdout
            assert undisturbed and self.pulso("pulso", *export).stdout == undisturbed, "posts are counted otherwise"
        if self.senders:
            exported = self.pulso("pulso", "export", "path-days", "--layer", "batch").stdout
            print("  " + chaos_sources.check(self.senders.sent, exported, self.repeated), flush=True)
        return len(found)

    def arrived(self):
        """Ends the senders, and waits until nothing more of them comes into the log."""
        self.senders.end(SETTLE_SECONDS)
        sent, since = None, time.monotonic()
        while time.monotonic() - since < 10:
            self.sleep(1)
            try:
                now = self.metric("pulso_sent_events_total", 'stream="requests"')
            except OSError:
                now = None
            if now != sent or now is None:
                sent, since = now, time.monotonic()

    def verify(self, *codes):
        verified = self.pulso("pulso-batch", "verify", check=False)
        assert verified.returncode in codes, f"verify:\n{verified.stdout[-3000:]}\n{verified.stderr[-2000:]}"
        lines = verified.stdout.splitlines()
        streams = ["posts", "requests", "rsvps"] if self.kinds else ["posts", "rsvps"]
        assert [line for line in lines if line.startswith("stream ")] == [f"stream {name}" for name in streams], lines
        last = [line for line in lines if line.startswith("every message is accounted for once; ")]
        assert len(last) == len(streams), verified.stdout[-3000:]
        agree = all("the layers agree in" in line for line in last)
        assert agree == (verified.returncode == 0), last

    def settle(self, expected):
        """Waits until all responses are there, or no new ones arrive."""
        found, since = set(), time.monotonic()
        while time.monotonic() - since < SETTLE_SECONDS:
            now = self.responses()
            if now != found:
                found, since = now, time.monotonic()
            if found >= expected or (self.lost_allowed and time.monotonic() - since > 20):
                break
            self.sleep(1)
        return found

    def responses(self):
        """Reads the parts of all responses' `_id`s, in pages, directly from the server."""
        found, after = set(), None
        while True:
            body = {"size": 10000, "sort": ["rsvp_id", "@timestamp", "response", "guests"],
                    "_source": ["rsvp_id", "@timestamp", "response", "guests"]}
            if after:
                body["search_after"] = after
            try:
                answer = self.ask(f"/{self.prefix}-responses/_search", body)
            except (urllib.error.URLError, OSError):
                return found
            hits = answer["hits"]["hits"]
            if not hits:
                return found
            after = hits[-1]["sort"]
            for hit in hits:
                one = identity(hit["_source"])
                assert one not in found, f"found twice: {one}"
                found.add(one)

    def forget(self):
        """Deletes the world's indices. Thousands of old ones would make Elasticsearch's next restart take minutes."""
        names = [index["index"] for index in self.ask(f"/_cat/indices/{self.prefix}-*?format=json", None, "GET")]
        for start in range(0, len(names), 50):
            self.ask("/" + ",".join(names[start:start + 50]), None, "DELETE")

    def ask(self, path, body, method="POST"):
        request = urllib.request.Request(
            self.lab.addresses["elasticsearch"] + path, json.dumps(body).encode() if body else None,
            {"content-type": "application/json"}, method=method,
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def metric(self, name, label=""):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=10) as answer:
            lines = answer.read().decode().splitlines()
        return sum(float(l.rsplit(" ", 1)[1]) for l in lines if l.startswith(name) and label in l)

    def close(self):
        for process in [*self.services.values(), self.simulator]:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.terminate()
        for process in [*self.services.values(), self.simulator]:
            try:
                process.wait(40)
            except subprocess.TimeoutExpired:
                process.kill()
                self.surprises.append("a service did not stop within 40 s")
        if self.senders:
            self.senders.ended.set()
        if self.spool_disk:
            subprocess.run(["umount", self.spools()], check=False)


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def identity(document):
    """Returns what a response has in common with its echoes: any of them may be shown if others are lost."""
    time = datetime.fromisoformat(document["@timestamp"].replace("Z", "+00:00"))
    second = (time + timedelta(milliseconds=500)).replace(microsecond=0)
    return document["rsvp_id"], second.isoformat(), document["response"], document["guests"]


# The faults. Each gets a world whose services run under load. No fault restarts a service itself.


def none(world):
    world.sleep(1)


def kill_acquisition(world):
    for _ in range(5):
        world.sleep(0.5, 3)
        world.kill("acquisition")


def kill_speed(world):
    for _ in range(5):
        world.sleep(0.5, 3)
        world.kill("speed")


def kill_batch(world):
    for _ in range(6):
        world.sleep(0.2, 1)
        work = world.random.choice([["archive"], ["run", "all"], ["run", "all"]])
        print(f"  kill -9 batch {work[0]}", flush=True)
        process = subprocess.Popen(
            world.config("pulso-batch") + work,
            stdout=subprocess.DEVNULL, stderr=open(world.folder / "batch.log", "a"),
        )
        world.sleep(0.1, 2.5)
        process.kill()
        process.wait()


def kafka_killed(world):
    for _ in range(2):
        world.sleep(1, 3)
        world.lab("kafka kill")
        world.sleep(2, 6)
        world.lab("kafka restart")


def kafka_paused(world):
    """Pauses the broker. The controller gives up a paused broker and reports no brokers to clients for a while."""
    for _ in range(3):
        world.sleep(1, 3)
        world.lab("kafka pause")
        world.sleep(4, 12)
        world.lab("kafka go-on")


def elasticsearch_stopped(world):
    world.sleep(2)
    world.lab("elasticsearch stop")
    world.sleep(world.options.outage)
    world.lab("elasticsearch restart")


def elasticsearch_killed(world):
    world.sleep(1, 4)
    world.lab("elasticsearch kill")
    world.sleep(2, 6)
    world.lab("elasticsearch restart")


def disk_full(world):
    """Blocks writes as Elasticsearch does above its flood stage, for longer than requests are retried."""
    world.sleep(2, 5)
    block = {"index.blocks.read_only_allow_delete": True}
    for _ in range(75):
        # Repeat it, because Elasticsearch checks the disk itself and removes the block.
        world.ask(f"/{world.prefix}-*/_settings?expand_wildcards=all", block, "PUT")
        world.sleep(1)
    block["index.blocks.read_only_allow_delete"] = None
    world.ask(f"/{world.prefix}-*/_settings?expand_wildcards=all", block, "PUT")


def unauthorized(world):
    """Changes the password on the server first: services end and are restarted until they have the new one."""
    world.ends_allowed = True
    for status in 401, 403:
        world.sleep(1, 3)
        world.lab(f"proxy answer {status}")
        world.sleep(4, 8)
        world.lab("proxy pass")
    world.sleep(4)


def bulk_faults(world):
    for _ in range(12):
        fault = world.random.choice([
            "answer 429", "answer 503", f"cut-request {world.random.randrange(20000)}",
            f"cut-response {world.random.randrange(2000)}", "refuse", "stall",
        ])
        world.lab(f"proxy {fault}")
        world.sleep(0.2, 2)
        world.lab("proxy pass")
        world.sleep(0.2, 1)


def websocket(world):
    for _ in range(8):
        world.sleep(0.3, 1.5)
        world.disturb(world.random.choice(["drop", "stall 6s", "freeze 4s", "garbage 20", "garbage 5"]))
    world.sleep(6)


def rebalance(world):
    world.spawn("speed.2")
    for _ in range(4):
        world.sleep(2, 5)
        world.kill(world.random.choice(["speed", "speed.2"]))


def paused_reader(world):
    """Stops the reader for longer than its session and then lets it continue as if nothing had happened."""
    world.spawn("speed.2")
    for _ in range(2):
        world.sleep(2, 4)
        name = world.random.choice(["speed", "speed.2"])
        print(f"  kill -STOP {name}", flush=True)
        world.services[name].send_signal(signal.SIGSTOP)
        world.sleep(20)
        print(f"  kill -CONT {name}", flush=True)
        world.services[name].send_signal(signal.SIGCONT)


def spool_limit_waits(world):
    world.sleep(1, 2)
    world.lab("kafka stop")
    world.sleep(15)
    world.kill("acquisition")
    world.sleep(3)
    world.lab("kafka restart")


def spool_limit_drops(world):
    world.sleep(1, 2)
    world.lab("kafka stop")
    world.sleep(15)
    world.lab("kafka restart")


def clock(world):
    # No further back, because a message more than an hour ahead of the log's clock is a dead letter.
    for seconds in (7200, -1800, 0, -30, 0):
        world.sleep(1.5, 3)
        print(f"  clock {seconds:+} s", flush=True)
        world.set_clock(seconds)


def sources_killed(world):
    for _ in range(5):
        world.sleep(0.5, 4)
        world.kill("acquisition")
        world.repeated += 1


def sources_kafka_paused(world):
    for _ in range(2):
        world.sleep(2, 4)
        world.lab("kafka pause")
        world.sleep(4, 12)
        world.lab("kafka go-on")
        world.repeated += 1


def sources_disk_full(world):
    """Kafka is away, and the disk of the spools is full: acquisition ends, and says so, until there is room."""
    world.ends_allowed = True
    world.sleep(2, 4)
    world.lab("kafka stop")
    world.sleep(3, 5)
    world.fill_spool()
    world.sleep(8, 12)
    world.kill("acquisition")
    world.repeated += 1
    world.sleep(4, 6)
    print("  empty the spool's disk", flush=True)
    (world.spools() / "ballast").unlink()
    world.lab("kafka restart")


def everything(world):
    faults = [kill_acquisition, kill_speed, kafka_killed, kafka_paused, elasticsearch_killed, bulk_faults, websocket]
    world.random.shuffle(faults)
    for fault in faults:
        fault(world)


FAULTS = [none, kill_acquisition, kill_speed, kill_batch, kafka_killed, kafka_paused, elasticsearch_stopped,
          elasticsearch_killed, disk_full, unauthorized, bulk_faults, websocket, rebalance, paused_reader,
          spool_limit_waits, spool_limit_drops, clock, sources_killed, sources_kafka_paused, sources_disk_full, everything]

# To which sources the worlds of these faults have lines sent. What came over TCP is lost when acquisition is killed.
SENT = {sources_killed: ("file", "push"), sources_kafka_paused: ("file", "push", "tcp"), sources_disk_full: ("file", "push")}


def one(lab, options, fault, seed):
    name = fault.__name__.replace("_", "-")
    world = World(lab, options, name, seed)
    begun = time.monotonic()
    print(f"== {name}, seed {seed}", flush=True)
    if fault in (spool_limit_waits, spool_limit_drops):
        world.settings = {"spool": "1MiB", "at_limit": "drop" if fault is spool_limit_drops else "wait"}
        world.lost_allowed = fault is spool_limit_drops
    world.kinds, world.spool_disk = SENT.get(fault, ()), fault is sources_disk_full
    if fault is clock:
        world.fake_clock()
    failure = None
    try:
        world.start()
        fault(world)
        count = world.prove()
    except AssertionError as problem:
        failure = problem
    finally:
        lab("proxy pass")
        world.close()
    failure = failure or "; ".join(world.surprises)
    if failure:
        print(f"   FAILED after {time.monotonic() - begun:.0f} s: {failure}\n   see {world.folder}", flush=True)
        return False
    print(f"   ok: {count} responses, each once; {time.monotonic() - begun:.0f} s", flush=True)
    world.forget()
    if not options.keep:
        shutil.rmtree(world.folder)
    return True


def main():
    parser = argparse.ArgumentParser(prog="scripts/chaos.sh", description=__doc__)
    parser.add_argument("lab", help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--messages", type=int, default=20000)
    parser.add_argument("--rate", type=int, default=1000)
    parser.add_argument("--outage", type=float, default=120, help="seconds without Elasticsearch")
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("faults", nargs="*")
    options = parser.parse_intermixed_args()
    names = {fault.__name__.replace("_", "-"): fault for fault in FAULTS}
    if options.list:
        return print("\n".join(names))
    if unknown := set(options.faults) - set(names):
        sys.exit(f"unknown fault: {', '.join(sorted(unknown))}; see --list")
    chosen = [names[name] for name in options.faults] or FAULTS
    lab, results = Lab(options.lab), []
    try:
        for seed in range(options.seed, options.seed + options.rounds):
            results += [one(lab, options, fault, seed) for fault in chosen]
    finally:
        lab.close()
    failed = results.count(False)
    print(f"{len(results) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


main()
