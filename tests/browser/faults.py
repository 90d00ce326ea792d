"""What a page must not do while a test looks at it."""

import re
from dataclasses import dataclass, field

from playwright.sync_api import BrowserContext, ConsoleMessage, Dialog, Request, WebError

_BINDING = "reportViolation"
# Runs before anything of the page does. The page's own policy does not hold for it.
_LISTEN = f"""
document.addEventListener("securitypolicyviolation", (event) => {_BINDING}(
    `${{event.effectiveDirective}} blocked ${{event.blockedURI}} `
    + `at ${{event.sourceFile || document.URL}}:${{event.lineNumber}} ${{event.sample}}`));
"""


@dataclass(slots=True)
class Faults:
    """What went wrong on the pages of a test, one line each.

    A test that expects a fault says so with `expect(pattern)`: those that the pattern finds are
    no faults, and it is one if there is none.
    """

    seen: list[str] = field(default_factory=list)
    _expected: list[str] = field(default_factory=list)

    def expect(self, pattern: str) -> None:
        self._expected.append(pattern)

    def unexpected(self) -> list[str]:
        """The faults that nobody expected, and the expected ones that did not come."""
        return [
            *(each for each in self.seen if not any(re.search(p, each) for p in self._expected)),
            *(
                f"there was no fault like {pattern}"
                for pattern in self._expected
                if not any(re.search(pattern, each) for each in self.seen)
            ),
        ]


def watch(context: BrowserContext, faults: Faults) -> None:
    """Add to `faults` whatever goes wrong on any page of the context, pop-ups included."""

    def console(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            place = message.location
            faults.seen.append(
                f"console {message.type}: {message.text} ({place['url']}:{place['lineNumber']})"
            )

    def dialog(each: Dialog) -> None:
        faults.seen.append(f"dialog {each.type}: {each.message}")
        each.dismiss()

    def failed(request: Request) -> None:
        # A browser gives up what it loads when it goes to another page or begins a download.
        if request.failure != "net::ERR_ABORTED":
            faults.seen.append(f"request failed: {request.method} {request.url}: {request.failure}")

    context.on("console", console)
    context.on("dialog", dialog)
    context.on("weberror", lambda each: faults.seen.append(f"page error: {_error(each)}"))
    context.on("requestfailed", failed)
    context.expose_binding(
        _BINDING, lambda _source, told: faults.seen.append(f"policy violation: {told}")
    )
    context.add_init_script(_LISTEN)


def _error(each: WebError) -> str:
    return f"{each.error} ({each.page.url if each.page else 'no page'})"
