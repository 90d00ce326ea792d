"""What keeps people from using a page: what axe-core finds, and a page wider than its window."""

from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page

from tests.browser.chromium import MissingToolError

SOURCE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"

_OF_COLOURS = ("color-contrast", "link-in-text-block")
_RUN = """async ([excused, rules]) => {
    // Colours that are on their way from light to dark have a contrast of neither.
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    // One of what is not drawn may never end.
    const ended = Promise.allSettled(document.getAnimations().map((each) => each.finished));
    await Promise.race([ended, new Promise((done) => setTimeout(done, 2000))]);
    // Preloading puts styles into the page, against its policy.
    const options = {resultTypes: ["violations"], preload: false};
    if (rules.length) options.runOnly = rules;
    const {violations} = await axe.run(document, options);
    const told = [];
    for (const {id, impact, help, nodes} of violations) {
        if (impact !== "serious" && impact !== "critical") continue;
        for (const {target, html, any} of nodes) {
            const element = document.querySelector(target[0]);
            const isExcused = ([rule, selector]) => rule === id && element?.matches(selector);
            if (excused.some(isExcused)) continue;
            const why = any.map((check) => check.message).join("; ");
            told.push(`${impact} ${id}: ${help}\\n  ${target} ${html.slice(0, 200)}\\n  ${why}`);
        }
    }
    return told;
}"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Excuse:
    """A fault of markup that is not ours: the rule is not held against what the selector names."""

    rule: str
    selector: str
    reason: str


EXCUSES = (
    Excuse(
        rule="aria-prohibited-attr",
        selector=".selector .help-tooltip",
        reason="Django's SelectFilter2.js gives the icon of its search field a label.",
    ),
    Excuse(
        rule="label",
        selector=".vDateField, .vTimeField",
        reason="Django writes the labels of a split date as plain text before its fields.",
    ),
)


def read_axe() -> str:
    """The source of axe-core. Raises MissingToolError."""
    if not SOURCE.is_file():
        raise MissingToolError(
            "The browser tests need axe-core, and it is not in node_modules. Run: make browser "
            "(or npm ci)."
        )
    return SOURCE.read_text()


def violations(
    page: Page, source: str, *, excuses: tuple[Excuse, ...] = EXCUSES, of_colours: bool = False
) -> list[str]:
    """The serious and critical violations on the page as it is now, told for a person.

    With `of_colours`, of those rules alone that depend on them.
    """
    if not page.evaluate("typeof window.axe === 'object'"):
        page.evaluate(source)
    excused = [[each.rule, each.selector] for each in excuses]
    told: list[str] = page.evaluate(_RUN, [excused, _OF_COLOURS if of_colours else []])
    return [f"{page.url} {each}" for each in told]


def scrolls_sideways(page: Page) -> bool:
    """Whether the page is wider than its window. What is wide scrolls in a frame of its own."""
    is_wider = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    return bool(page.evaluate(is_wider))
