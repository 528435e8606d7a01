"""An event loop of `asyncio` without sockets: waiting advances the virtual clock."""

import asyncio
from asyncio import base_events, unix_events
from time import sleep

_NO_THREADS = "there are no threads here: call the function directly instead of run_in_executor or to_thread"
_NO_NETWORK = "there is no network here"
_NO_PROCESSES = "there are no processes here"
_NO_PIPES = "pipes, sockets and signals cannot be waited for here"


class EventLoop(base_events.BaseEventLoop):
    """The event loop of this interpreter: tasks, timers, locks and queues; no input and output."""

    def __init__(self, selector=None) -> None:
        super().__init__()
        self._selector = _Clock()

    def _process_events(self, event_list) -> None:
        pass

    def _write_to_self(self) -> None:
        pass

    async def shutdown_default_executor(self, timeout=None) -> None:
        """There is no executor to shut down."""


class _Clock:
    """Stands where other loops wait for sockets."""

    def select(self, timeout):
        if timeout is None:
            raise RuntimeError("every task waits for another one, and no timer is set: this would never end")
        if timeout > 0:
            sleep(timeout)
        return ()


def _refusal(name: str, error: type, message: str, is_async: bool):
    if is_async:
        async def refuse(self, *args, **kwargs):
            raise error(message)
    else:
        def refuse(self, *args, **kwargs):
            raise error(message)
    refuse.__name__ = name
    refuse.__qualname__ = f"EventLoop.{name}"
    return refuse


def _refuse(names: str, error: type, message: str, is_async: bool = True) -> None:
    for name in names.split():
        setattr(EventLoop, name, _refusal(name, error, message, is_async))


_refuse("run_in_executor", RuntimeError, _NO_THREADS, is_async=False)
_refuse(
    "create_connection create_datagram_endpoint create_server create_unix_connection create_unix_server "
    "connect_accepted_socket getaddrinfo getnameinfo sock_accept sock_connect sock_recv sock_recv_into "
    "sock_recvfrom sock_recvfrom_into sock_sendall sock_sendfile sock_sendto sendfile start_tls",
    OSError, _NO_NETWORK,
)
_refuse("subprocess_exec subprocess_shell", OSError, _NO_PROCESSES)
_refuse("connect_read_pipe connect_write_pipe", OSError, _NO_PIPES)
_refuse("add_reader add_writer remove_reader remove_writer", OSError, _NO_PIPES, is_async=False)
_refuse("add_signal_handler remove_signal_handler", RuntimeError, _NO_PIPES, is_async=False)


def install() -> None:
    """Makes it the loop that `asyncio.run` and `asyncio.new_event_loop` use."""
    unix_events._UnixDefaultEventLoopPolicy._loop_factory = EventLoop
    for module in (asyncio, unix_events):
        module.EventLoop = module.SelectorEventLoop = EventLoop
