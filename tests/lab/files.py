#!/usr/bin/python3
"""Serves one file over HTTP, and breaks off as it is told.

    files.py ADDRESS PORT FILE BEHAVIOUR...

Each request takes the next behaviour; the last one stays: `good`, `cut:N` (N bytes of what was asked for, then the
connection is closed), `no-ranges`, `etag:X` (another version), `status:N`.
"""
import http.server
import pathlib
import sys

address, port, path, *behaviours = sys.argv[1:]
CONTENT = pathlib.Path(path).read_bytes()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        what, _, value = (behaviours.pop(0) if len(behaviours) > 1 else behaviours[0]).partition(":")
        first = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").split("-")[0])
        first = 0 if what in ("no-ranges", "etag") else first
        body = CONTENT[first:]
        self.close_connection = True
        if what == "status":
            self.send_response(int(value))
            body = b""
        elif first:
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {first}-{len(CONTENT) - 1}/{len(CONTENT)}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", f'"{value if what == "etag" else "one"}"')
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body[:int(value)] if what == "cut" else body)


http.server.ThreadingHTTPServer((address, int(port)), Handler).serve_forever()
