"""The measuring part of bench.sh: runs programs, adds up their CPU time and prints a table."""
import http.client
import os
import subprocess
import sys
import tempfile
import time

# Measures the limit and the speed layer alternately and takes the minimum of each: neighbours of a virtual
# machine make a program slower, never faster.
ROUNDS = 3


def run(command, stdin=None, stdout=subprocess.DEVNULL):
    """Runs the command to its end. Returns CPU seconds (user + system), wall seconds and peak memory in MB."""
    begun = time.monotonic()
    process = subprocess.Popen(command, stdin=stdin, stdout=stdout, stderr=subprocess.PIPE)
    error = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit(f"{' '.join(map(str, command))}: {error.decode()}")
    return usage.ru_utime + usage.ru_stime, time.monotonic() - begun, usage.ru_maxrss / 1000


def make_posts(programs, path, messages):
    """Posts only, at the rate of the real network, with as many hashtags."""
    posts = ["--stream", "posts", "--post-share", "1", "--rate-event-time", "53", "--hashtags", "1000000"]
    run([f"{programs}/pulso-simulator", "generate", *posts, "--messages", str(messages), "--output", path])


def speed_layer(programs, stream, path):
    """Measures the speed layer, from a file to NDJSON."""
    command = [f"{programs}/pulso-speed", "run", "--stream", stream]
    return run([*command, "--source", f"file:{path}", "--sink", "ndjson:/dev/null"])


def make_input(programs, path, messages, recording):
    generated = ["--messages", str(messages), "--rate-event-time", "500", "--output", path]
    if recording:
        run([f"{programs}/pulso-simulator", "repeat", recording, *generated])
    else:
        run([f"{programs}/pulso-simulator", "generate", "--seed", "1", "--start", "2026-01-01T00:00:00Z", *generated])


def duckdb_jobs(lake):
    """Measures the groups and events views in DuckDB, over the same Parquet files."""
    program = f"""
import duckdb
db = duckdb.connect()
db.sql("SET threads = 2")
db.sql("CREATE VIEW lake AS SELECT * FROM read_parquet('{lake}/day=*/*.parquet', hive_partitioning = true) WHERE reason IS NULL")
for entity in ("group_id", "event_id"):
    db.sql(f'''
      CREATE OR REPLACE TABLE result AS
      WITH responses AS (
        SELECT * EXCLUDE (payload) FROM lake
        QUALIFY row_number() OVER (
          PARTITION BY rsvp_id, response, guests, floor((epoch_ms(time) + 500) / 1000) ORDER BY "partition", "offset") = 1
      ), states AS (
        SELECT * FROM responses QUALIFY row_number() OVER (PARTITION BY rsvp_id ORDER BY time DESC, "offset" DESC) = 1
      ), latest AS (
        SELECT {{entity}}, max(time) AS last, min(time) AS first,
          arg_max(group_name, time) AS group_name, arg_max(group_city, time) AS group_city,
          arg_max(event_name, time) AS event_name, arg_max(latitude, time) AS lat, arg_max(longitude, time) AS lon
        FROM responses GROUP BY 1
      )
      SELECT * FROM latest JOIN (
        SELECT {{entity}}, count(*) AS responses, count(DISTINCT member_id) AS members, count(DISTINCT event_id) AS events,
          count(*) FILTER (response = 'yes') AS yes, count(*) FILTER (response = 'no') AS no, sum(guests) AS guests
        FROM states GROUP BY 1) USING ({{entity}})''')
"""
    return run([sys.executable, "-c", program])


def serve(programs, data):
    """Returns seconds until the first answer, and the 99th percentile of 1,000 answers in milliseconds, by path."""
    begun = time.monotonic()
    server = subprocess.Popen(
        [f"{programs}/pulso", "serve", "--data", data, "--listen", "127.0.0.1:18080"], stdout=subprocess.DEVNULL
    )
    try:
        while True:
            try:
                connection = http.client.HTTPConnection("127.0.0.1", 18080)
                connection.request("GET", "/readyz")
                if connection.getresponse().read():
                    break
            except OSError:
                time.sleep(0.005)
        started = time.monotonic() - begun
        paths = {
            "newest trends": "/api/v1/trending-topics?window=latest",
            "100 responses of a country": "/api/v1/responses?country=US&limit=100",
            "country activity": "/api/v1/country-activity?limit=100",
            "groups": "/api/v1/groups?limit=100",
        }
        slow = {}
        for name, path in paths.items():
            times = []
            for _ in range(1000):
                at = time.monotonic()
                connection.request("GET", path)
                response = connection.getresponse()
                body = response.read()
                times.append(time.monotonic() - at)
                if response.status != 200:
                    sys.exit(f"{path}: {body[:300]}")
            slow[name] = sorted(times)[989] * 1000
        return started, slow
    finally:
        server.terminate()
        server.wait()


def parsing(program):
    """Yields the CPU seconds that parsing and decoding take per million simulated messages, by stream."""
    output = subprocess.run([program, "cpu"], check=True, stdout=subprocess.PIPE, text=True).stdout
    for line in output.splitlines():  # `name: 1.23 CPU seconds for 1 million messages …`
        name, seconds = line.split(": ", 1)
        yield name, float(seconds.split()[0])


def row(name, cpu, wall, memory, ratio, goal):
    cells = [name, f"{cpu:.2f}", f"{wall:.2f}", f"{memory:.0f}" if memory else "", ratio, goal]
    print("| " + " | ".join(cells) + " |", flush=True)


def main(programs, limit_program, messages, recording=None):
    messages = int(messages)
    millions = messages / 1e6
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as folder:
        path, data = f"{folder}/input.jsonl", f"{folder}/data"
        make_input(programs, path, messages, recording)
        print(f"{messages} messages, {os.path.getsize(path) / messages:.0f} bytes each; per million messages\n")
        print("| what | CPU s | wall s | peak MB | ratio | goal |")
        print("|---|---:|---:|---:|---:|---:|")

        posts = f"{folder}/posts.jsonl"
        make_posts(programs, posts, messages)
        inputs = {"rsvps": path, "posts": posts}
        limits, speed = {}, {stream: [] for stream in inputs}
        for _ in range(ROUNDS):
            for name, seconds in parsing(limit_program):
                limits[name] = min(seconds, limits.get(name, seconds))
            for stream, file in inputs.items():
                speed[stream].append(speed_layer(programs, stream, file))
        for name, seconds in limits.items():
            row(name, seconds, seconds, 0, "", "")
        for stream, measured in speed.items():
            cpu, wall, memory = min(measured)
            ratio = f"{cpu / millions / limits[f'{stream}, parse']:.1f} x limit"
            row(f"{stream}: speed layer, file to NDJSON", cpu / millions, wall / millions, memory, ratio, "2")
        limit = limits["rsvps, parse"]
        cpu, wall, memory = run([f"{programs}/pulso", "replay", path, "--data", data])
        row("complete replay", cpu / millions, wall / millions, memory, f"{cpu / millions / limit:.1f} x limit", "10")

        mine = [
            run([f"{programs}/pulso-batch", "run", job, "--data", data, "--from", "1970-01-01", "--to", "2100-01-01"])
            for job in ("groups", "events")
        ]
        cpu, wall = sum(m[0] for m in mine), sum(m[1] for m in mine)
        try:
            import duckdb  # noqa: F401

            duck_cpu, duck_wall, duck_memory = duckdb_jobs(f"{data}/lake/rsvps")
            row("DuckDB, groups and events", duck_cpu / millions, duck_wall / millions, duck_memory, "", "")
            ratio = f"{cpu / duck_cpu:.1f} x DuckDB"
        except ImportError:
            ratio = "DuckDB not installed"
        row("batch, groups and events", cpu / millions, wall / millions, max(m[2] for m in mine), ratio, "2")

        started, slow = serve(programs, data)
        print(f"\nfirst answer of `pulso serve` after {started:.2f} s (goal 1)")
        for name, milliseconds in slow.items():
            print(f"API p99, {name}: {milliseconds:.1f} ms (goal 10)")


if __name__ == "__main__":
    main(*sys.argv[1:])
