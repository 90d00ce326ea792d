"""A name server as containers have one: it answers which address a service has now."""

import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

_HEADER = struct.Struct("!6H")
_ANSWER = struct.Struct("!3HLH")
_LONG_LIVED = 600  # seconds, as Docker says of every answer
_POINTER_TO_QUESTION = 0xC00C
_ADDRESS, _INTERNET = 1, 1
_FOUND, _UNKNOWN = 0x8180, 0x8183


class NameServer:
    """The names with their addresses, which may be changed, and the port on 127.0.0.1."""

    def __init__(self, addresses: dict[str, str]) -> None:
        self.addresses = addresses
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]

    def serve(self) -> None:
        """Answer until an empty question comes."""
        with self._socket:
            while True:
                question, sender = self._socket.recvfrom(512)
                if not question:
                    return
                self._socket.sendto(self._answer(question), sender)

    def _answer(self, question: bytes) -> bytes:
        """The answer of RFC 1035 to a question for the address of one name."""
        (number, *_) = _HEADER.unpack_from(question)
        asked = question[_HEADER.size :]
        labels, at = [], 0
        while length := asked[at]:
            labels.append(asked[at + 1 : at + 1 + length].decode())
            at += 1 + length
        end_of_question = at + 5  # after the type and the class
        address = self.addresses.get(".".join(labels))
        if address is None:
            return _HEADER.pack(number, _UNKNOWN, 1, 0, 0, 0) + asked[:end_of_question]
        packed = socket.inet_aton(address)
        return (
            _HEADER.pack(number, _FOUND, 1, 1, 0, 0)
            + asked[:end_of_question]
            + _ANSWER.pack(_POINTER_TO_QUESTION, _ADDRESS, _INTERNET, _LONG_LIVED, len(packed))
            + packed
        )


@contextmanager
def run_name_server(addresses: dict[str, str]) -> Iterator[NameServer]:
    """Run one while the block runs."""
    server = NameServer(addresses)
    thread = Thread(target=server.serve)
    thread.start()
    try:
        yield server
    finally:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"", ("127.0.0.1", server.port))
        thread.join()
