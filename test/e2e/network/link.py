"""A link between two network namespaces: this process's own, and that of the process whose id is its argument.

Each end is a TUN device `ib0`. Packets go from one to the other as lines of standard input say:
`LOSS DELAY_MS BYTES_PER_S CUT`, such as `0.05 40 0 0`; a rate of 0 is none, a CUT of 1 lets nothing through.
"""
import ctypes
import fcntl
import heapq
import os
import random
import select
import struct
import sys
import time

TUNSETIFF = 0x400454CA
IFF_TUN_NO_PI = 0x0001 | 0x1000
CLONE_NEWNET = 0x40000000
# Packets that wait on a slow link, of each direction; more are dropped, as by a router.
MOST_WAITING = 64


def open_tun():
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH14x", b"ib0", IFF_TUN_NO_PI))
    return fd


def enter(path):
    fd = os.open(path, os.O_RDONLY)
    if ctypes.CDLL(None, use_errno=True).setns(fd, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")
    os.close(fd)


near = open_tun()
enter(f"/proc/{sys.argv[1]}/ns/net")
far = open_tun()
other = {near: far, far: near}
free_at = {near: 0.0, far: 0.0}
waiting = {near: 0, far: 0}
loss, delay, rate, cut = 0.0, 0.0, 0.0, False
due = []
number = 0
random.seed(1)
print("ready", flush=True)
while True:
    now = time.monotonic()
    wait = None if not due else max(0, due[0][0] - now)
    ready, _, _ = select.select([0, near, far], [], [], wait)
    now = time.monotonic()
    while due and due[0][0] <= now:
        _, _, fd, packet = heapq.heappop(due)
        waiting[fd] -= 1
        try:
            os.write(fd, packet)
        except OSError:
            pass  # The device is not up yet.
    for fd in ready:
        if fd == 0:
            line = sys.stdin.readline()
            if line == "":
                sys.exit(0)
            words = line.split()
            loss, delay, rate, cut = float(words[0]), float(words[1]) / 1000, float(words[2]), words[3] == "1"
            print("set", flush=True)
            continue
        packet = os.read(fd, 65536)
        to = other[fd]
        if cut or random.random() < loss or waiting[to] >= MOST_WAITING:
            continue
        leaves = max(now, free_at[to]) + (len(packet) / rate if rate > 0 else 0)
        free_at[to] = leaves
        waiting[to] += 1
        number += 1
        heapq.heappush(due, (leaves + delay, number, to, packet))
