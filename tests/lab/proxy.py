#!/usr/bin/python3
"""Stands between omega-cli and all services, and breaks one exchange at the level of TCP.

    proxy.py PID FAULT AT ADDRESS:PORT...

Listens at the services' own addresses in the network namespace of the process PID, and connects to them in its own. An
exchange begins when a client sends something after the other side had its turn; they are counted over all connections, from
1, and the AT-th has the fault (0: none). On SIGTERM it prints how many there were.

    reset-before   the connection is reset; the service has not seen what was sent
    reset-after    the service has it and begins to answer; the connection is reset
    cut            ... and ends after half of what came first
    garbled        ... and has other bytes in what came first
    hang           nothing more passes, in either direction
    hang-after     what is sent passes, nothing comes back
    refused        as reset-before, and for a second nobody is connected any more
"""
import ctypes
import os
import select
import signal
import socket
import struct
import sys
import threading
import time

pid, fault, at, *places = sys.argv[1:]
at, count, away, lock = int(at), 0, 0.0, threading.Lock()
CLONE_NEWNET = 0x40000000


def enter(path):
    libc, fd = ctypes.CDLL(None, use_errno=True), os.open(path, os.O_RDONLY)
    if libc.setns(fd, CLONE_NEWNET) != 0:
        sys.exit("setns %s: %s" % (path, os.strerror(ctypes.get_errno())))
    os.close(fd)


def listeners():
    enter("/proc/%s/ns/net" % pid)
    for place in places:
        host, _, port = place.rpartition(":")
        yield socket.create_server((host, int(port)), backlog=64), (host, int(port))
    enter("/proc/%d/ns/net" % os.getppid())


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def is_broken():
    """Whether the exchange that begins is the one."""
    global count, away
    with lock:
        count += 1
        if count == at and fault == "refused":
            away = time.monotonic() + 1
        return count == at


def wait_for_end(client, server=None):
    while data := client.recv(65536):
        if server is not None:
            server.sendall(data)


def answered(client, server):
    """The first that the server says; until then the client may go on."""
    while True:
        ready, _, _ = select.select([client, server], [], [])
        if server in ready:
            return server.recv(65536)
        data = client.recv(65536)
        if not data:
            return b""
        server.sendall(data)


def broken(client, server, data):
    """The exchange with the fault. Returns whether the connection goes on."""
    if fault in ("reset-before", "refused"):
        reset(client)
        return False
    if fault == "hang":
        wait_for_end(client)
        return False
    server.sendall(data)
    answer = answered(client, server)
    if fault == "garbled" and answer:
        middle = len(answer) // 2
        client.sendall(answer[:middle] + bytes([answer[middle] ^ 0xFF]) + answer[middle + 1:])
        return True
    if fault == "cut":
        client.sendall(answer[:len(answer) // 2])
    elif fault == "hang-after":
        wait_for_end(client, server)
    else:
        reset(client)
    return False


def serve(client, place):
    if time.monotonic() < away:
        return reset(client)
    try:
        server = socket.create_connection(place, 5)
    except OSError:
        return reset(client)
    server.settimeout(None)
    asked = False
    try:
        while True:
            ready, _, _ = select.select([client, server], [], [])
            source, target = (server, client) if server in ready else (client, server)
            data = source.recv(65536)
            if not data:
                break
            if source is client and not asked and is_broken():
                if not broken(client, server, data):
                    break
                continue
            asked = source is client
            target.sendall(data)
    except OSError:
        pass
    for one in (client, server):
        one.close()


def accept(listener, place):
    while True:
        client, _ = listener.accept()
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=serve, args=(client, place), daemon=True).start()


def end(*_):
    print(count, flush=True)
    os._exit(0)


signal.signal(signal.SIGTERM, end)
for one in list(listeners()):
    threading.Thread(target=accept, args=one, daemon=True).start()
print("ready", flush=True)
while True:
    signal.pause()
