#!/usr/bin/python3
"""A virtual IP in front of two units of Glance, as a load balancer that happens to send every import to the other unit.
Standard library only.

  two_units.py ADDRESS PORT FIRST SECOND     ports: its own, and those of the units
"""
import asyncio
import sys

ADDRESS, PORT, FIRST, SECOND = sys.argv[1], *map(int, sys.argv[2:])


async def pass_on(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


async def serve(reader, writer):
    """One request for each connection."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        first, *lines = head.split(b"\r\n")
        other = first.startswith(b"POST ") and first.split()[1].endswith(b"/import")
        lines = [line for line in lines if not line.lower().startswith(b"connection:")]
        unit_reader, unit_writer = await asyncio.open_connection(ADDRESS, SECOND if other else FIRST)
        unit_writer.write(b"\r\n".join([first, b"Connection: close", *lines]))
        await asyncio.gather(pass_on(reader, unit_writer), pass_on(unit_reader, writer))
    except (OSError, asyncio.IncompleteReadError):
        writer.close()


async def main():
    server = await asyncio.start_server(serve, ADDRESS, PORT)
    await server.serve_forever()


asyncio.run(main())
