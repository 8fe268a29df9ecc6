"""A program that stands in for podplane's command line: it prints, writes files and starts processes as that does.

    podplane local server --background      writes local-server.json and stays
    podplane local start --id ID            prints steps, starts a QEMU, writes its PID file and state file

`PODPLANE_STAND_IN` in its environment makes it `fail`, `hang` or `lie`. Imports nothing of the project.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def write(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, separators=(",", ":")))


def server(runtime: Path, behaviour: str) -> None:
    say("mkcert: using the local CA")
    if behaviour == "fail":
        sys.exit("Error: mkcert is not installed")
    data = {
        "host": "127.0.0.1",
        "http_port": "40081",
        "https_port": "40443",
        "ingress_https_port": "4433",
        "log_file": str(runtime / "local-server.log"),
    }
    write(runtime / "local-server.json", {"pid": os.getpid(), "data": data})
    say("\x1b[32mlistening\x1b[0m on https://127.0.0.1:40443")
    signal.pause()


def start(data: Path, runtime: Path, cluster_id: str, behaviour: str) -> None:
    say("Verifying dependencies...\n\x1b[1mStarting local server\x1b[0m\rStarting VM \x07")
    if behaviour == "fail":
        say("Error: qemu 9 or newer is required")
        sys.exit(3)
    if behaviour == "hang":
        signal.pause()
    if behaviour == "lie":
        return
    stem = f"podplane-local-{cluster_id}.{os.environ['PODPLANE_ARCH']}"
    qemu = Path(__file__).with_name("qemu-system-x86_64")
    stand_in = Path(__file__).with_name("stand_in.py")
    arguments = [str(qemu), "-I", "-S", str(stand_in), "{}", "-drive", f"file={data / 'vms' / stem}.image.qcow2"]
    ports = {"ssh": 2222, "kubernetes_api": 6443, "traefik_dashboard": 8081, "registry": 5001, "traefik_https": 8443}
    guest_ports = (22, 6443, 8080, 5000, 443)
    forwards = ",".join(
        f"hostfwd=tcp:127.0.0.1:{port}-:{inside}" for port, inside in zip(ports.values(), guest_ports, strict=True)
    )
    arguments += ["-nic", f"user,model=virtio-net-pci,{forwards}"]
    arguments += ["-serial", f"unix:{runtime / 'vms' / stem}.console.sock,server=on,wait=off"]
    ours, input_of_qemu = os.pipe()
    child = subprocess.Popen(arguments, stdin=ours, start_new_session=True)  # with our output, which it keeps open
    write(runtime / "vms" / f"{stem}.pid.json", {"pid": child.pid, "data": None})
    while not (runtime / "vms" / f"{stem}.console.sock").exists():
        time.sleep(0.01)
    write(runtime / "local" / f"{cluster_id}.state.json", {"cluster_id": cluster_id, "backend": "qemu", "ports": ports})
    say("cluster is ready")
    os.set_inheritable(input_of_qemu, True)
    holder = [sys.executable, "-I", "-S", "-c", "import time; time.sleep(600)", str(runtime)]
    subprocess.Popen(  # the QEMU ends with its input, which somebody has to hold
        holder, close_fds=False, start_new_session=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )


def main() -> None:
    data = Path(os.environ["XDG_DATA_HOME"]) / "podplane"
    runtime = Path(os.environ["XDG_RUNTIME_DIR"]) / "podplane"
    behaviour = os.environ.get("PODPLANE_STAND_IN", "")
    match sys.argv[1:]:
        case ["local", "server", "--background"]:
            server(runtime, behaviour)
        case ["local", "start", "--id", cluster_id]:
            start(data, runtime, cluster_id, behaviour)
        case _:
            sys.exit(f"podplane: unknown command {sys.argv[1:]}")


if __name__ == "__main__":
    main()
