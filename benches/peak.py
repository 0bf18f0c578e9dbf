"""Watches a process until it ends and prints its peak memory in MiB: its own, and with shared buffers (VmHWM).

    python3 peak.py PID

The kernel's own high-water mark counts each page of PostgreSQL's shared buffers that the process has touched; what a
backend really takes is what is left without them, and has to be sampled.
"""

import sys
import time


def sample(pid):
    fields = {}
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as status:
        for line in status:
            name, _, value = line.partition(":")
            if name in ("VmRSS", "RssShmem", "VmHWM"):
                fields[name] = int(value.split()[0]) / 1024
    return fields["VmRSS"] - fields["RssShmem"], fields["VmHWM"]


def main(pid):
    own = shared = 0.0
    try:
        while True:
            now, mark = sample(pid)
            own, shared = max(own, now), max(shared, mark)
            time.sleep(0.02)
    except (FileNotFoundError, ProcessLookupError, KeyError):
        print(f"{own:.0f} {shared:.0f}")


if __name__ == "__main__":
    main(sys.argv[1])
