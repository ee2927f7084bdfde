#!/usr/bin/env python3
"""The service beside pgbench on the same SQL, in the same run: requests a second, and processor time a request.

Needs wrk and pgbench. The figures that mean something are the ratios: both sides share the machine, the database, the
rows and the number of connections. Usage: bench.py BINARY [SECONDS]
"""
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

BINARY = pathlib.Path(sys.argv[1]).resolve()
SECONDS = int(sys.argv[2]) if len(sys.argv) > 2 else 10
CLIENTS = 8
ROWS = 5000
TICKS = os.sysconf("SC_CLK_TCK")
BIN = next(
    (str(path.parent) for path in sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/pgbench"), reverse=True)),
    os.path.dirname(shutil.which("pgbench") or ""),
)

COLUMNS = ", ".join(
    f'"partners"."{name}"'
    for name in "id name acronym aliases kind siren siret parent_id predecessor_id website contact_service contact_email "
    "contact_phone version created_at updated_at".split()
)
KEYS = 'ARRAY["partners"."name"::text, "partners"."id"::text]'
READ = f"""\\set n random(1, {ROWS})
SELECT {COLUMNS} FROM "partners" WHERE "partners"."id" = ('00000000-0000-7000-8000-' || lpad(:n::text, 12, '0'))::uuid LIMIT 1;
"""
LIST = f"""SELECT {COLUMNS}, {KEYS} FROM "partners" WHERE true AND "partners"."kind" = 'company'::text
ORDER BY "partners"."name" ASC, "partners"."id" ASC LIMIT 21 OFFSET 0;
"""
PATCH = f"""\\set n random(1, {ROWS})
\\set v random(1, 1000000)
BEGIN;
SET LOCAL app.author = 'pgbench';
SELECT {COLUMNS} FROM "partners" WHERE "partners"."id" = ('00000000-0000-7000-8000-' || lpad(:n::text, 12, '0'))::uuid LIMIT 1 FOR UPDATE;
UPDATE "partners" SET "acronym" = 'A' || :v WHERE "partners"."id" = ('00000000-0000-7000-8000-' || lpad(:n::text, 12, '0'))::uuid RETURNING {COLUMNS};
COMMIT;
"""
RANDOM_ONE = f"""string.format("/api/v1/partners/00000000-0000-7000-8000-%012d", math.random({ROWS}))"""
WRK = {
    "read by id": f"request = function() return wrk.format('GET', {RANDOM_ONE}) end",
    "list of 20": "request = function() return wrk.format('GET', '/api/v1/partners?kind=company&limit=20') end",
    "PATCH": f"""request = function()
        local headers = {{ ['Authorization'] = 'Bearer KEY', ['Content-Type'] = 'application/json', ['If-Match'] = '*' }}
        return wrk.format('PATCH', {RANDOM_ONE}, headers, '{{"acronym":"A' .. math.random(1000000) .. '"}}') end""",
}
SEED = "function init(args) math.randomseed(os.time()) end\n"


def spent(pid: int, children: bool) -> int:
    """The processor time of a process, in ticks; with that of the children it has waited for."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except FileNotFoundError:
        return 0
    return sum(int(field) for field in fields[11 : 15 if children else 13])


def postgres_spent(postmaster: int) -> int:
    """Of the server: its own, its backends', and that of the backends that have ended."""
    children = subprocess.run(["ps", "--ppid", str(postmaster), "-o", "pid="], capture_output=True, text=True).stdout.split()
    return spent(postmaster, True) + sum(spent(int(child), False) for child in children)


def psql(host: str, sql: str) -> None:
    subprocess.run([f"{BIN}/psql", "-qX", "-v", "ON_ERROR_STOP=1", "-h", host, "-U", "tdi", "territoires_industrie", "-c", sql], check=True)


def main() -> None:
    home = pathlib.Path(tempfile.mkdtemp(prefix="territoires-industrie-bench-"))
    home.chmod(0o755)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = "127.0.0.1:%d" % free.getsockname()[1]
    environment = {**os.environ, "DATA_DIR": str(home / "data"), "BIND": address, "RUST_LOG": "warn,access=info", "RATE_READS": "0", "RATE_WRITES": "0"}
    environment.pop("DATABASE_URL", None)
    with open(home / "log", "w") as log:
        service = subprocess.Popen([BINARY, "serve"], stdout=subprocess.PIPE, stderr=log, env=environment, text=True)
    try:
        key = next(line.split()[-1] for line in service.stdout if line.startswith("Demo key"))
        for _ in range(100):
            try:
                urllib.request.urlopen(f"http://{address}/health/ready").read()
                break
            except OSError:
                time.sleep(0.1)
        data = home / "data"
        postmaster = int((data / "pgdata/postmaster.pid").read_text().split()[0])
        host = str(data / "socket")
        psql(host, f"""BEGIN; SET LOCAL app.author = 'bench';
            INSERT INTO partners (id, name, aliases, kind, acronym)
            SELECT ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, 'Partenaire ' || n, '[]', (ARRAY['company', 'association'])[1 + n % 2], 'A' || n
            FROM generate_series(1, {ROWS}) n; COMMIT; """)
        psql(host, "VACUUM ANALYZE partners")
        print(f"{CLIENTS} connections, {SECONDS} s a line, {ROWS} rows; processor time is the client's and PostgreSQL's, or the service's and PostgreSQL's\n")
        print(f"{'':<12}{'service/s':>11}{'pgbench/s':>11}{'ratio':>7}{'service ms':>12}{'pgbench ms':>12}{'ratio':>7}")
        for name, sql in {"read by id": READ, "list of 20": LIST, "PATCH": PATCH}.items():
            script = home / "script.lua"
            script.write_text(SEED + WRK[name].replace("KEY", key))
            before = spent(service.pid, False) + postgres_spent(postmaster)
            said = subprocess.run(
                ["wrk", "-t1", f"-c{CLIENTS}", f"-d{SECONDS}s", "-s", script, f"http://{address}"], capture_output=True, text=True, check=True
            ).stdout
            ours_spent = spent(service.pid, False) + postgres_spent(postmaster) - before
            if "Non-2xx" in said or "Socket errors" in said:
                sys.exit(f"{name}: not every answer was right\n{said}")
            count = int(re.search(r"(\d+) requests in", said)[1])
            ours = count / SECONDS
            (home / "script.sql").write_text(sql)
            before = postgres_spent(postmaster)
            clients_before = os.times()
            said = subprocess.run(
                [f"{BIN}/pgbench", "-n", "-M", "prepared", "-c", str(CLIENTS), "-j1", "-T", str(SECONDS), "-f", home / "script.sql", "-h", host, "-U", "tdi",
                 "territoires_industrie"], capture_output=True, text=True, check=True
            ).stdout
            clients_after = os.times()
            client = clients_after.children_user + clients_after.children_system - clients_before.children_user - clients_before.children_system
            theirs_count = int(re.search(r"actually processed: (\d+)", said)[1])
            theirs = theirs_count / SECONDS
            ours_ms = ours_spent / TICKS / count * 1000
            theirs_ms = ((postgres_spent(postmaster) - before) / TICKS + client) / theirs_count * 1000
            print(f"{name:<12}{ours:>11.0f}{theirs:>11.0f}{ours / theirs:>7.2f}{ours_ms:>12.3f}{theirs_ms:>12.3f}{theirs_ms / ours_ms:>7.2f}")
        print("\nRatios above are ours over pgbench's for requests, and pgbench's over ours for processor time: 1 is as good.")
    finally:
        service.send_signal(signal.SIGTERM)
        service.wait(30)
        shutil.rmtree(home, ignore_errors=True)


main()
