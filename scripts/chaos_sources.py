"""What chaos.py sends to a file, by POST and over TCP, and how it counts the lines that arrived.

Every line asks for a path of its own, so the batch layer's `path-days` says how often each is in the log.
"""
import gzip
import http.client
import json
import os
import socket
import threading
import time
from collections import Counter

STREAM = "requests"

# Sources of a world that has them. Addresses are of documentation (RFC 5737).
CONFIG = """
[[acquisition.sources]]
name = "file"
stream = "requests"
protocol = "file"
paths = ["{folder}/access.log*"]
[[acquisition.sources]]
name = "push"
stream = "requests"
protocol = "push"
listen = "127.0.0.1:{push}"
[[acquisition.sources]]
name = "tcp"
stream = "requests"
protocol = "tcp"
listen = "127.0.0.1:{tcp}"
"""

# What asks for the paths of the next day, which is not complete.
END = "end"

# How many lines a second come to each.
RATE = 200

# How many lines a POST has.
POST_LINES = 10

# After how many lines the file is rotated.
ROTATED = 700

# The lines that Kafka may have twice after a fault: those of one write (`acquisition.batch_messages`).
WRITE_LINES = 1000


class Senders:
    """Programs that log to the sources of a world until they are told to end."""

    def __init__(self, folder, push, tcp, kinds):
        self.folder, self.push_port, self.tcp_port = folder, push, tcp
        # A day that is over; the lines of the next one let the batch layer complete it.
        self.begin = time.time() // 86400 * 86400 - 2 * 86400 + 3600
        self.sent, self.failures, self.ended = Counter(), [], threading.Event()
        all_kinds = {"file": self.to_file, "push": self.by_post, "tcp": self.over_tcp}
        self.threads = [threading.Thread(target=self.guard, args=(all_kinds[kind],)) for kind in kinds]
        for thread in self.threads:
            thread.start()

    def guard(self, send):
        try:
            send()
        except Exception as error:  # Reported by `end`: nobody looks at a thread's.
            self.failures.append(f"{send.__name__}: {error!r}")

    def end(self, seconds):
        self.ended.set()
        for thread in self.threads:
            thread.join(seconds)
        assert not any(thread.is_alive() for thread in self.threads), "a sender was never answered"
        assert not self.failures, self.failures

    def line(self, kind, number, later=0):
        now = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(self.begin + number / RATE + later))
        return f'192.0.2.{number % 250} - - [{now}] "GET /{kind}/{number} HTTP/1.1" 200 1 "-" "chaos"\n'

    def lines(self, kind, count):
        """The next lines, at their pace, until it is time to end."""
        number, begun = 0, time.monotonic()
        while not self.ended.wait(max(0, begun + number / RATE - time.monotonic())):
            yield [self.line(kind, number + more) for more in range(count)]
            number += count
            self.sent[kind] = number

    def to_file(self):
        """Rotates as logrotate does: older files get greater numbers, and all but the first are compressed."""
        path, rotated, written = self.folder / "access.log", 0, 0
        file = open(path, "a")
        for lines in self.lines("file", 5):
            # Not whole lines at once, as no program promises that.
            text = "".join(lines)
            file.write(text[:-7])
            file.flush()
            file.write(text[-7:])
            file.flush()
            written += len(lines)
            if written % ROTATED == 0:
                for number in range(rotated, 0, -1):
                    suffix = "" if number == 1 else ".gz"
                    os.rename(f"{path}.{number}{suffix}", f"{path}.{number + 1}{suffix}")
                os.rename(path, f"{path}.1")
                rotated += 1
                file.close()
                file = open(path, "a")
                if rotated > 1:
                    with open(f"{path}.2", "rb") as old, gzip.open(f"{path}.2.gz", "wb") as new:
                        new.write(old.read())
                    # Like gzip: it is as old as what is in it.
                    changed = os.stat(f"{path}.2").st_mtime
                    os.utime(f"{path}.2.gz", (changed, changed))
                    os.remove(f"{path}.2")
        # Of many clients, so that there is one for each partition.
        file.write("".join(self.line(END, number, 86400) for number in range(250)))
        file.close()

    def by_post(self):
        """Repeats each POST, with its key, until it is answered with 200."""
        for number, lines in enumerate(self.lines("push", POST_LINES)):
            headers = {"Content-Type": "text/plain", "Idempotency-Key": f'"{number}"'}
            while True:
                connection = http.client.HTTPConnection("127.0.0.1", self.push_port, timeout=40)
                try:
                    connection.request("POST", f"/api/v1/streams/{STREAM}/messages", "".join(lines), headers)
                    status = connection.getresponse().status
                except (OSError, http.client.HTTPException):
                    status = None
                connection.close()
                if status == 200:
                    break
                # Not yet: it does not run, or what it has is not stored, or the request before is under way.
                assert status in (None, 409, 429, 503), f"a POST was answered with {status}"
                time.sleep(0.2)

    def over_tcp(self):
        """Keeps one connection: what breaks off cannot be had again."""
        deadline = time.monotonic() + 30
        while True:
            try:
                connection = socket.create_connection(("127.0.0.1", self.tcp_port))
                break
            except OSError:
                assert time.monotonic() < deadline, "nobody listens for lines over TCP"
                time.sleep(0.1)
        for lines in self.lines("tcp", 5):
            connection.sendall("".join(lines).encode())
        connection.close()


def check(sent, exported, writes_twice):
    """Compares what was sent with a view of how often each path was asked for; says what it found.

    No line may be missing. Only as many may be there twice as so many writes have, as documented for Kafka.
    """
    found = Counter()
    for row in map(json.loads, exported.splitlines()):
        if not row["path"].startswith(f"/{END}/"):
            found[row["path"]] += row["requests"]
    wanted = {f"/{kind}/{number}" for kind, count in sent.items() for number in range(count)}
    missing, strange = wanted - set(found), set(found) - wanted
    assert not missing, f"{len(missing)} lines lost, such as {sorted(missing)[:3]}"
    assert not strange, f"{len(strange)} lines that nobody sent, such as {sorted(strange)[:3]}"
    twice = sum(found.values()) - len(wanted)
    allowed = writes_twice * WRITE_LINES
    assert twice <= allowed, f"{twice} lines are there again; at most {allowed} may be"
    return f"{len(wanted)} lines of {', '.join(sorted(sent))}, none lost, {twice} twice"
