"""The part of bench.sh about access logs: the speed layer beside GoAccess, following a file, and taking POSTs.

Each program has one core to itself; what sends to it has the other one.
"""
import http.client
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time

# Measured alternately, and the minimum of each counts: neighbours of a virtual machine make a program slower.
ROUNDS = 3
CORE, OTHERS = {0}, {1}
METRICS = 18481
PUSH = 18488
PATH = "/api/v1/streams/requests/messages"


def started(command, **options):
    return subprocess.Popen(command, preexec_fn=lambda: os.sched_setaffinity(0, CORE), **options)


def ended(process):
    """CPU seconds (user + system) of a program that has ended, or is about to."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = status
    if status != 0:
        sys.exit(f"{' '.join(process.args)} failed")
    return usage.ru_utime + usage.ru_stime


def run(command):
    """CPU seconds and wall seconds."""
    begun = time.monotonic()
    process = started(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    cpu = ended(process)
    return cpu, time.monotonic() - begun


def stored():
    """How many messages acquisition has stored; 0 while it does not answer."""
    try:
        connection = http.client.HTTPConnection("127.0.0.1", METRICS, timeout=5)
        connection.request("GET", "/metrics")
        lines = connection.getresponse().read().decode().splitlines()
    except OSError:
        return 0
    return sum(float(line.split()[-1]) for line in lines if line.startswith("pulso_sent_events_total"))


def acquire(programs, folder, source, messages, send=lambda: None):
    """CPU seconds and wall seconds of acquisition for so many messages of a source."""
    data = f"{folder}/data"
    shutil.rmtree(data, ignore_errors=True)
    config = f"{folder}/pulso.toml"
    with open(config, "w") as file:
        file.write(f'[operations]\nacquisition = "127.0.0.1:{METRICS}"\n[streams.requests]\n')
        file.write(f'[[acquisition.sources]]\nname = "bench"\nstream = "requests"\n{source}\n')
    begun = time.monotonic()
    command = [f"{programs}/pulso-acquisition", "--config", config, "run", "--data", data]
    process = started(command, stderr=subprocess.DEVNULL)
    send()
    while stored() < messages:
        if process.poll() is not None:
            sys.exit("acquisition ended early")
        time.sleep(0.02)
    wall = time.monotonic() - begun
    process.terminate()
    return ended(process), wall


def push(lines, batch, senders=8):
    """Sends lines by POST, so many in each, over several connections."""
    bodies = [b"".join(lines[at : at + batch]) for at in range(0, len(lines), batch)]
    while True:
        try:
            http.client.HTTPConnection("127.0.0.1", PUSH, timeout=1).connect()
            break
        except OSError:
            time.sleep(0.02)

    def send(number):
        os.sched_setaffinity(threading.get_native_id(), OTHERS)
        connection = http.client.HTTPConnection("127.0.0.1", PUSH)
        for at in range(number, len(bodies), senders):
            connection.request("POST", PATH, bodies[at], {"Idempotency-Key": str(at), "Content-Type": "text/plain"})
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                sys.exit(f"a POST was answered {answer.status}")

    threads = [threading.Thread(target=send, args=(number,)) for number in range(senders)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def row(name, lines, cpu, wall, ratio, goal):
    cells = [name, f"{lines / cpu:,.0f}", f"{lines / wall:,.0f}", ratio, goal]
    print("| " + " | ".join(cells) + " |", flush=True)


def main(programs, messages, log=None):
    messages = int(messages)
    os.sched_setaffinity(0, OTHERS)
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as folder:
        if log is None:
            log = f"{folder}/access.log"
            generate = ["generate", "--stream", "requests", "--messages", str(messages), "--output", log]
            subprocess.run([f"{programs}/pulso-simulator", *generate, "--malformed", "0"], check=True)
        with open(log, "rb") as file:
            lines = file.readlines()
        size = os.path.getsize(log) / len(lines)
        print(f"{len(lines)} lines of {size:.0f} bytes, one core for each program\n")
        print("| what | lines per CPU s | lines per s | ratio | goal |")
        print("|---|---:|---:|---:|---:|")
        speed = [f"{programs}/pulso-speed", "run", "--stream", "requests", "--source", f"file:{log}"]
        speed += ["--sink", "ndjson:/dev/null"]
        goaccess = ["goaccess", log, "--log-format=COMBINED", "--no-global-config", "-o", f"{folder}/report.json"]
        peers, mine = [], []
        for _ in range(ROUNDS):
            if shutil.which("goaccess"):
                peers.append(run(goaccess))
            mine.append(run(speed))
        ratio = "GoAccess not installed"
        if peers:
            row("GoAccess, file to JSON", len(lines), *min(peers), "", "")
            ratio = f"{min(peers)[1] / min(mine)[1]:.1f} x GoAccess"
        row("speed layer, all facets, file to NDJSON", len(lines), *min(mine), ratio, "3")
        source = f'protocol = "file"\npaths = ["{log}"]'
        measured = min(acquire(programs, folder, source, len(lines)) for _ in range(ROUNDS))
        row("acquisition follows a file", len(lines), *measured, "", "100,000 per s")
        some = lines[:200_000]
        source = f'protocol = "push"\nlisten = "127.0.0.1:{PUSH}"'
        measured = min(acquire(programs, folder, source, len(some), lambda: push(some, 100)) for _ in range(ROUNDS))
        row("acquisition takes POSTs of 100 lines", len(some), *measured, "", "20,000 per s")


main(*sys.argv[1:])
