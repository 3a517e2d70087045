"""relay.py ADDRESS PORT TO_ADDRESS TO_PORT: passes bytes on, as a floating IP does."""
import asyncio
import sys

address, port, to_address, to_port = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])


async def copy(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    writer.close()


async def passed(reader, writer):
    there, back = await asyncio.open_connection(to_address, to_port)
    await asyncio.gather(copy(reader, back), copy(there, writer))


async def main():
    async with await asyncio.start_server(passed, address, port) as server:
        await server.serve_forever()


asyncio.run(main())
