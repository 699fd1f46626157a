"""An instance of a plain function: its handler under Lambda's own runtime client.

``awslambdaric`` loads the handler and asks our Runtime API for events, one at a time. Between
its asking and the next event the process is stopped.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from contextlib import suppress

from local import children, loopback
from local.instance import Instance, InstanceFailed, Launch
from local.loopback import LoopbackServer
from local.runtime_api import Invocation, Result, RuntimeApi, error_result


class InitFailed(InstanceFailed):
    """A handler could not be loaded. ``result`` is the error document, as the caller gets it."""

    def __init__(self, story: str, result: Result) -> None:
        super().__init__(story)
        self.result = result


class HandlerInstance(Instance):
    """A process of a plain function, and the Runtime API that it talks to."""

    def __init__(self, child: children.Child, api: RuntimeApi, server: LoopbackServer) -> None:
        super().__init__(child)
        self._api = api
        self._server = server

    async def kill(self) -> None:
        """End the process and its Runtime API."""
        await super().kill()
        await self._server.close()

    async def run(self, invocation: Invocation) -> Result:
        """Run one invocation until the process asks for the next one, or ends.

        A process that ended makes an error document, even after an answer: as on Lambda only
        what was answered in time counts.
        """
        self.served += 1
        self._api.hand_over(invocation)
        await self.asks()
        if self._api.result is not None:
            return self._api.result
        status = await self.child.wait()
        return error_result(
            "Runtime.ExitError",
            f"RequestId: {invocation.request_id} Error: Runtime exited with exit status {status}",
        )

    async def asks(self) -> bool:
        """Wait until the process asks for an invocation; False if it ended instead."""
        await _first(self._api.asked(), self.child.wait())
        return self.child.running

    def failure(self) -> InitFailed:
        """Return why the process did not come up."""
        story = self.child.story()
        result = error_result("Runtime.ExitError", f"Error: Runtime exited during init\n{story}")
        if self._api.init_error is not None:
            result = Result(self._api.init_error, failed=True)
        return InitFailed(f"{self.child.name} was not initialised:\n{story}", result)


async def start_handler_instance(launch: Launch) -> HandlerInstance:
    """Start one instance and return it initialised; raises :class:`InitFailed`."""
    api = RuntimeApi()
    listener = loopback.bind(0)
    server = loopback.serve(api.application(), listener)
    command = ["python3", "-m", "awslambdaric", launch.function.handler]
    address = loopback.url_of(listener).removeprefix("http://")
    try:
        child = await launch.start(command, {"AWS_LAMBDA_RUNTIME_API": address})
    except BaseException:
        await server.close()
        raise
    instance = HandlerInstance(child, api, server)
    try:
        async with asyncio.timeout(children.READY_SECONDS):
            initialised = await instance.asks()
    except BaseException as error:
        await instance.kill()
        if isinstance(error, TimeoutError):
            raise instance.failure() from None
        raise
    if not initialised:
        await instance.kill()
        raise instance.failure()
    return instance


async def _first(*awaitables: Awaitable[object]) -> None:
    """Wait for whichever comes first, and let go of the rest."""
    tasks = [asyncio.ensure_future(each) for each in awaitables]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
