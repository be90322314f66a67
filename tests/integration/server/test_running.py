"""The server as it runs: real sockets, a real client, and an end without loss."""

import asyncio
import socket
from collections.abc import AsyncIterator

import httpx2
import pytest

from bursar.bootstrap import Platform
from bursar.server.run import serve


async def test_server_takes_a_free_port_serves_and_stops(platform: Platform, statement) -> None:
    token = (await platform.access.ensure_local_user()).new_token
    listening: asyncio.Future[tuple[str, int]] = asyncio.get_running_loop().create_future()
    stop, worked = asyncio.Event(), asyncio.Event()

    async def worker() -> None:
        worked.set()
        await asyncio.Event().wait()

    server = asyncio.create_task(
        serve(
            platform,
            on_listening=lambda host, port: listening.set_result((host, port)),
            background=worker,
            stop=stop,
        )
    )
    host, port = await asyncio.wait_for(listening, 10)
    assert port > 0
    async with httpx2.AsyncClient(base_url=f"http://{host}:{port}/api/v1", verify=False) as client:
        client.headers["Authorization"] = f"Bearer {token}"
        answer = await client.post("/imports/", files={"file": ("a.qfx", statement([("05", "-3.50", "COFFEE")]))})
        assert answer.status_code == 201, answer.text
        assert "server" not in answer.headers
        (row,) = (await client.get("/transactions")).json()["data"]
        assert row["amount"] == "-3.50"
        head = await client.head("/transactions")
        assert (head.status_code, head.content) == (200, b"")
        large = await client.post(
            "/connections", content=b"x" * 2_000_000, headers={"Content-Type": "application/json"}
        )
        assert large.status_code == 413
        # A request that runs when the signal comes is finished.
        half_way = asyncio.Event()

        async def slow_form() -> AsyncIterator[bytes]:
            yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.qfx"\r\n\r\n'
            half_way.set()
            await asyncio.sleep(0.3)
            yield statement([("06", "-1.00", "LATE")]) + b"\r\n--b--\r\n"

        form = {"Content-Type": "multipart/form-data; boundary=b"}
        slow = asyncio.create_task(client.post("/imports", content=slow_form(), headers=form))
        await half_way.wait()
        await asyncio.sleep(0.1)
        stop.set()
        assert (await slow).status_code == 201
    assert worked.is_set()
    await asyncio.wait_for(server, 10)
    with pytest.raises(OSError):
        socket.create_connection((host, port), timeout=1)


async def test_failed_background_stops_the_server_and_is_told(platform: Platform) -> None:
    async def worker() -> None:
        await asyncio.sleep(0.05)
        raise RuntimeError("the worker died")

    with pytest.raises(RuntimeError, match="the worker died"):
        await asyncio.wait_for(serve(platform, background=worker), 10)


async def test_port_in_use_is_an_error_of_the_caller(platform: Platform) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(OSError):
            await serve(platform, port=taken.getsockname()[1])
