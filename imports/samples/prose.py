"""The texts of a sample that people read: notes, mails, instructions, what a flow is for."""

from collections.abc import Iterator, Sequence

from imports.samples.areas import Area
from imports.samples.chance import Chance

_NOTES = (
    ("Where it starts", "Called by @partner@. The address is in their portal, do not change it."),
    (
        "Checks",
        "What is refused here never reaches @system@. The rules are those of the form:\n\n"
        "- `@number@` begins with @prefix@\n- `@field1@` is there\n- `@day@` is a day",
    ),
    ("To do", "Ask @team@ whether `@field2@` may be empty. Until then it is sent as it is."),
    (
        "Why in parts",
        "@partner@ takes 200 @plural@ at a time and answers 429 if they come faster than once "
        "in two seconds. The wait is on purpose.",
    ),
    (
        "If it fails",
        "1. Look at the journal of the day\n2. Correct the @noun@ in @system@\n"
        "3. Run the flow again, it leaves out what is done\n\nOn call: @team@, extension 4410.",
    ),
    (
        "States",
        "| state | meaning |\n|---|---|\n| @state1@ | nobody looked at it |\n"
        "| @state2@ | somebody works on it |\n| @state3@ | done |\n| @state4@ | ask @team@ |",
    ),
    ("Only @site@", "The other sites have a flow of their own, with other limits."),
    ("Personal data", "Name and address of the @party@ are not written to the journal."),
)
_PURPOSES = (
    "Takes @plural@ of @site@ and brings them into @system@.",
    "Keeps the @plural@ of @site@ in step with @partner@.",
    "Works on each @noun@ as @team@ would by hand, and asks where it is not sure.",
    "Tells @team@ what happened to the @plural@ of @site@.",
)
_SECTIONS = (
    (
        "Before you change it",
        "The fields `@field1@`, `@field2@` and `@amount@` are read by the reports of @team@ as "
        "well. Tell them a day before. What is @state3@ must never become @state1@ "
        "again: its number was given to the @party@.",
    ),
    (
        "Set up",
        "1. Give the connection to @system@ its values.\n2. Ask @partner@ for access from this "
        "server.\n3. Run it once by hand with @aNoun@ of the sandbox.",
    ),
    (
        "Limits",
        "- at most 500 @plural@ in one run\n- @aNoun@ above 10,000 is shown to @team@ first\n"
        "- nothing runs between 01:00 and 01:30, when @system@ is backed up",
    ),
    (
        "Faults that were seen",
        "- the @party@ sends the same @noun@ twice: the second one is left out\n"
        "- `@day@` is in another time zone: days are those of @site@\n"
        "- @partner@ answers 502 in the night: three tries, then a mail",
    ),
    ("Contact", "@Team@, @mailbox@@example.org"),
)
_CHANGES = (
    "`@field3@` is sent as well, as @team@ asked",
    "waits longer for @partner@, which was slow at the end of the month",
    "leaves out what is @state4@",
    "new address of @system@ after its move",
    "rounds `@amount@` to cents before it is compared",
    "mails only once for several @plural@ of one @party@",
    "takes `@field2@` from the history where the @party@ leaves it out",
    "first version, only for @site@",
    "error path added after the night in which nobody was told",
)
_SUBJECTS = (
    "@Plural@ of @site@: {{ input.rows.length }} to look at",
    "@Noun@ {{ input.@number@ }} is @state2@",
    "{{ input.@number@ }} could not be sent to @partner@",
)
_BODIES = (
    "Hello,\n\nthe @noun@ {{ input.@number@ }} is @state2@ since today.\n\n"
    "You find it in @system@: https://@systemHost@/@path@/{{ input.@number@ }}\n\n"
    "This message was written by a flow. Answers go to @team@.",
    "Good morning,\n\n{{ input.text }}\n\nRegards\n@Team@ @site@",
)
_PAGES = (
    "# @Plural@ of @site@\n\n{{ today }}\n\n| @field3@ | count | total |\n|---|---:|---:|\n"
    "{% for group in input.groups %}| {{ group.key }} | {{ group.count }} | {{ group.total }} |\n"
    "{% endfor %}\n**Total {{ input.total }}**\n\nQuestions: @mailbox@@example.org",
    "<h1>@Noun@ {{ input.@number@ }}</h1>\n<p>Dear {{ input.name }},</p>\n"
    "<p>we have received your @noun@ and will answer until {{ input.@day@ }}.</p>\n"
    "<p>@Team@, @site@</p>",
)
_INSTRUCTIONS = (
    "You sort the messages that @team@ gets about @plural@. Answer in JSON with topic (one of "
    "@state1@, @state2@, @state4@, other) and isUrgent (true if the @party@ cannot wait until "
    "tomorrow). Never guess a number that is not in the text.",
    "Summarise the history of @aNoun@ in at most three sentences, for a colleague of @team@ who "
    "takes it over. Say what the @party@ waits for. Leave names and addresses out.",
)


def make_notes(chance: Chance, area: Area) -> Iterator[tuple[str, str]]:
    """Yield the heading and the text of each note, in any order."""
    for note in chance.pick_several(_NOTES, len(_NOTES)):
        heading, text = map(area.fill, note)
        yield heading, f"## {heading}\n\n{text}"


def make_mail(chance: Chance, area: Area) -> tuple[str, str]:
    """Return the subject and the text of a mail."""
    return area.fill(chance.pick(_SUBJECTS)), area.fill(chance.pick(_BODIES))


def make_page(chance: Chance, area: Area) -> str:
    """Return a document that is filled in, as markdown or HTML."""
    return area.fill(chance.pick(_PAGES))


def make_instructions(chance: Chance, area: Area) -> str:
    """Return what a language model is told to do."""
    return area.fill(chance.pick(_INSTRUCTIONS))


def make_info(chance: Chance, area: Area, labels: Sequence[str]) -> str:
    """Return what a flow is for, as markdown; often short or empty."""
    length = chance.pick_weighted(((0, 22), (1, 20), (2, 22), (4, 36)))
    if not length:
        return ""
    parts = [chance.pick(_PURPOSES)]
    if length > 1:
        steps = (f"{number}. {label}" for number, label in enumerate(labels[:12], start=1))
        parts.append("\n".join(("## How it works\n", *steps)))
    sections = chance.pick_several(_SECTIONS, length - 1)
    parts += (f"## {heading}\n\n{text}" for heading, text in sections)
    if length > 1 and chance.happens(35):
        parts.append(_make_history(chance))
    return area.fill("\n\n".join(parts))


def _make_history(chance: Chance) -> str:
    count = chance.pick_weighted(((3, 40), (8, 35), (20, 18), (45, 7)))
    months = sorted((chance.pick_number(0, 29) for _ in range(count)), reverse=True)
    lines = (
        f"- {2023 + month // 12}-{month % 12 + 1:02}-{chance.pick_number(1, 28):02}: "
        f"{chance.pick(_CHANGES)}"
        for month in months
    )
    return "\n".join(("## History\n", *lines))
