#!/usr/bin/env bash
# pyuwsgi (uWSGI from pip): SIGHUP, which reloads a server, ends it where it runs in a virtual environment.
#
# To reload, uWSGI starts its own binary again, and takes /proc/self/exe for that: the Python that the virtual
# environment was made from, which has no pyuwsgi. So a graceful reload, with an application that is right, leaves no
# server. With --binary-path /path/to/venv/bin/python the same reload works.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pyuwsgi==2.0.30.post1
cat > "$folder/app.py" <<'PY'
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]
PY
cat > "$folder/check.py" <<'PY'
import importlib.metadata
import pathlib
import signal
import subprocess
import sys
import time

folder = pathlib.Path(sys.argv[1])
server_bin = str(folder / "venv" / "bin" / "uwsgi")


def reload(name: str, *options: str) -> str:
    log = folder / f"{name}.log"
    command = [server_bin, "--http-socket", "127.0.0.1:0", "--master", "--module", "app", "--need-app", *options]
    with log.open("wb") as out:
        server = subprocess.Popen(command, cwd=folder, stdout=out, stderr=out)
    try:
        wait(lambda: "spawned uWSGI worker 1" in log.read_text())
        server.send_signal(signal.SIGHUP)
        wait(lambda: server.poll() is not None or log.read_text().count("spawned uWSGI worker 1") > 1)
        return "runs on" if server.poll() is None else f"is gone: {log.read_text().strip().splitlines()[-1]}"
    finally:
        server.kill()
        server.wait()


def wait(condition) -> None:
    until = time.monotonic() + 25
    while not condition():
        if time.monotonic() > until:
            raise SystemExit("it took too long")
        time.sleep(0.05)


bare = reload("bare")
named = reload("named", "--binary-path", str(folder / "venv" / "bin" / "python"))
print("pyuwsgi", importlib.metadata.version("pyuwsgi"))
print(f"after SIGHUP the server {bare}; with --binary-path it {named}")
sys.exit(0 if bare.startswith("is gone: ModuleNotFoundError") and named == "runs on" else 1)
PY
"$folder/venv/bin/python" "$folder/check.py" "$folder"
