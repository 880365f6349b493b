"""One answer of a server, and what it means when there is none: worth another try, or final."""

import http.client
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

from esrlab.core.version import __version__
from esrlab.errors import UserError

TRY_AGAIN = {408, 425, 429}
UNSATISFIABLE = 416


class BrokenError(Exception):
    """The connection failed in a way that the next attempt may not."""


class UnreachableError(BrokenError):
    """There is no way to the server: not worth waiting for unless it has answered before."""


class RangeRefusedError(BrokenError):
    """The server has nothing from there on: what is here is not the beginning of its file."""


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects, but never from https to anything less."""

    def redirect_request(  # noqa: PLR0917 (urllib's own signature)
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        allowed = ("https:",) if req.type == "https" else ("https:", "http:")
        if not newurl.lower().startswith(allowed):
            fp.close()
            raise UserError(f"{req.full_url} redirects to {newurl}, which is refused as not safe")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


@contextmanager
def open_response(address: str, *, offset: int, timeout: float) -> Iterator[http.client.HTTPResponse]:
    """A response to be read in the block, from byte `offset` on if the server can (see `extent`).

    timeout: seconds without a byte. Redirects are followed.
    Raises BrokenError, also for what happens in the block, where another try may help; UserError where not.
    """
    headers = {"User-Agent": f"esrlab/{__version__}", "Accept-Encoding": "identity"}
    if offset:
        headers["Range"] = f"bytes={offset}-"
    opener = urllib.request.build_opener(_Redirects)
    try:
        with opener.open(urllib.request.Request(address, headers=headers), timeout=timeout) as response:
            yield response
    except urllib.error.HTTPError as error:
        with error:
            raise _refusal(error, address) from error
    except urllib.error.URLError as error:
        raise _trouble(error.reason, address) from error
    except (OSError, http.client.HTTPException) as error:
        raise _trouble(error, address) from error


def extent(response: http.client.HTTPResponse, *, offset: int) -> tuple[int, int | None]:
    """Where a response begins in the file, and how large the whole file is, if that is said.

    A server that ignores ranges begins anew. Raises UserError for another range than asked.
    """
    if response.status != http.client.PARTIAL_CONTENT:
        length = response.headers.get("Content-Length", "")
        return 0, int(length) if length.isdecimal() else None
    span, _, total = response.headers.get("Content-Range", "").removeprefix("bytes ").partition("/")
    if span.partition("-")[0] != str(offset):
        raise UserError(f"{response.url}: asked for bytes from {offset} on, but received {span or 'others'}")
    return offset, int(total) if total.isdecimal() else None


def _refusal(error: urllib.error.HTTPError, address: str) -> Exception:
    answer = f"the server answered {error.code} {error.reason}"
    if error.code == UNSATISFIABLE:
        return RangeRefusedError(answer)
    if error.code in TRY_AGAIN or error.code >= 500:
        return BrokenError(answer)
    return UserError(f"{address}: {answer}")


def _trouble(reason: object, address: str) -> Exception:
    if isinstance(reason, ssl.SSLCertVerificationError):
        return UserError(
            f"{address}: the server's certificate is not trusted ({reason.verify_message}); behind a "
            f"company's proxy, set SSL_CERT_FILE to its certificate"
        )
    if isinstance(reason, (socket.gaierror, ConnectionRefusedError)):
        return UnreachableError(
            f"the server cannot be reached ({reason.strerror}); check the network connection"
        )
    if isinstance(reason, TimeoutError):
        return BrokenError("the server does not answer (timeout)")
    return BrokenError(f"the connection failed ({reason or type(reason).__name__})")
