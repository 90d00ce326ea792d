"""What kinds of flows a sample has: how each starts, of which blocks it is made, how it ends."""

from collections.abc import Callable
from dataclasses import dataclass

from imports.samples import systems
from imports.samples.blocks import (
    BlockMaker,
    make_analysis,
    make_approval,
    make_check,
    make_choice,
    make_guarded_call,
    make_loop,
    make_message,
    make_model_answer,
    make_parallel_reads,
    make_step,
    make_store,
)
from imports.samples.chance import Chance
from imports.samples.graph import Block, Guard, Step
from imports.samples.javascript import READ_EVENT, READ_MESSAGE, VERIFY
from imports.samples.steps import StepMaker

_TIMES = (
    *(("Every night, 02:30", "30 2 * * *"), ("Every 15 minutes", "*/15 * * * *")),
    *(("Mondays, 06:00", "0 6 * * 1"), ("Every hour", "0 * * * *")),
    *(("First of the month", "15 4 1 * *"), ("Working days, 07:45", "45 7 * * 1-5")),
)
_ZONES = ("Europe/Berlin", "Europe/Vienna", "Europe/London", "Europe/Warsaw", "UTC")


@dataclass(frozen=True, slots=True)
class Recipe:
    """A kind of flow."""

    listener: str
    """The type that starts it."""
    names: tuple[str, ...]
    tags: tuple[str, ...]
    start: Callable[[StepMaker], tuple[Block, ...]]
    blocks: tuple[tuple[BlockMaker, int], ...]
    """What its work is made of, with weights."""
    end: Callable[[StepMaker], tuple[Block, ...]]
    blocks_at_most: int = 99

    def make_block(self, maker: StepMaker) -> Block:
        """Return the whole flow."""
        count = maker.chance.pick_weighted(_BLOCKS)
        if maker.chance.happens(2):
            count = maker.chance.pick_number(12, 28)
        count = min(count, self.blocks_at_most)
        work = tuple(maker.chance.pick_weighted(self.blocks)(maker) for _ in range(count))
        return (*self.start(maker), *work, *self.end(maker))


# How many blocks of work a flow has: most have a few.
_BLOCKS = ((0, 10), (1, 19), (2, 22), (3, 19), (4, 13), (5, 8), (6, 6), (8, 3))


def _start_by_request(maker: StepMaker) -> tuple[Block, ...]:
    path = maker.chance.pick(("/@path@", "/@path@/@siteSlug@", "/v2/@path@", "/hooks/@path@"))
    start = maker.make_plain("restListener", f"POST {path}", method="POST", path=path)
    return (start, maker.make_code(VERIFY)) if maker.chance.happens(22) else (start,)


def _start_by_time(maker: StepMaker) -> tuple[Block, ...]:
    label, cron = maker.chance.pick(_TIMES)
    zone = maker.chance.pick(_ZONES)
    return (maker.make_plain("scheduleListener", label, cron=cron, timeZone=zone),)


def _start_by_mail(maker: StepMaker) -> tuple[Block, ...]:
    data = maker.connect(systems.INBOX)
    parameters = {"folder": maker.chance.pick(("INBOX", "INBOX/New")), "skipAutoReplies": True}
    start = Step(type="imapListener", label="New mail", parameters=parameters, data=data)
    return (start, maker.make_code(READ_MESSAGE))


def _start_by_event(maker: StepMaker) -> tuple[Block, ...]:
    words = maker.area.words
    if maker.chance.happens(70):
        start = Step(
            type="amqpListener", label=f"{words['Noun']} event",
            parameters={"queue": f"{words['path']}.flows", "acknowledge": "afterwards"},
            data=maker.connect(systems.QUEUE),
        )  # fmt: skip
    else:
        start = Step(
            type="mqttListener", label="Scanner",
            parameters={"topic": f"{words['siteSlug']}/+/{words['path']}", "qos": 1},
            data=maker.connect(systems.SENSORS),
        )  # fmt: skip
    return (start, maker.make_code(READ_EVENT))


def _start_by_file(maker: StepMaker) -> tuple[Block, ...]:
    start = Step(
        type="sftpListener", label="New file",
        parameters={"path": "/in", "pattern": f"*-{maker.area.words['path']}.csv"},
        data=maker.connect(systems.FILES),
    )  # fmt: skip
    return (start, maker.make_file("get", "Fetch the file"), maker.make_python())


def _start_by_hand(maker: StepMaker) -> tuple[Block, ...]:
    return (maker.make_plain("manualListener", "By hand"),)


def _start_as_subflow(maker: StepMaker) -> tuple[Block, ...]:
    return (maker.make_plain("subflowInput", "@Noun@ in"),)


def _answer(maker: StepMaker) -> tuple[Block, ...]:
    body = '{ "@number@": "{{ input.@number@ }}" }'
    answer = maker.make_plain("restResponse", "Answer 200", ends=True, status=200, body=body)
    problem = maker.make_plain(
        "restResponse", "Answer 502", ends=True, status=502, body='{ "message": "try again" }'
    )
    if not maker.chance.happens(45):
        return (answer,)
    label = maker.pick_label()
    return (Guard((maker.make_request(systems.SYSTEM, label), answer), problem),)


def _keep(maker: StepMaker) -> tuple[Block, ...]:
    return (make_store(maker),)


def _inform(maker: StepMaker) -> tuple[Block, ...]:
    return (make_message(maker),)


def _report(maker: StepMaker) -> tuple[Block, ...]:
    return (maker.make_page(), maker.make_mail())


def _move_file(maker: StepMaker) -> tuple[Block, ...]:
    return (make_store(maker), maker.make_file("move", "Move it to done"))


def _log(maker: StepMaker) -> tuple[Block, ...]:
    return (maker.make_plain("log", "Show the result", level="info", message="{{ input }}"),)


def _return(maker: StepMaker) -> tuple[Block, ...]:
    return (maker.make_plain("subflowResult", "@Noun@ out", output="{{ input }}"),)


_INTAKE = Recipe(
    "REST",
    ("@Plural@ from @partner@ (@site@)", "Take @plural@ in, @site@", "@Noun@ intake @site@",
     "New @noun@ from the web, @site@"),
    ("intake", "rest"), _start_by_request,
    ((make_step, 30), (make_check, 25), (make_choice, 10), (make_guarded_call, 20),
     (make_store, 15)),
    _answer,
)  # fmt: skip
_SYNC = Recipe(
    "SCHEDULE",
    ("@system@ to @partner@, @site@", "Keep @plural@ in step, @site@",
     "@Noun@ sync @site@", "Send @plural@ to @partner@ (@site@)"),
    ("sync", "scheduled"), _start_by_time,
    ((make_parallel_reads, 22), (make_loop, 28), (make_check, 14), (make_step, 20),
     (make_guarded_call, 16)),
    _keep,
)  # fmt: skip
_REPORT = Recipe(
    "SCHEDULE",
    ("Weekly @noun@ report @site@", "@Plural@ of the month, @site@", "Late @plural@ of @site@",
     "Figures for @team@ @site@"),
    ("reports", "scheduled"), _start_by_time,
    ((make_parallel_reads, 35), (make_analysis, 40), (make_step, 15), (make_check, 10)),
    _report,
)  # fmt: skip
_TRIAGE = Recipe(
    "IMAP",
    ("Inbox of @team@ @site@", "Sort mail about @plural@, @site@"),
    ("mail", "triage"), _start_by_mail,
    ((make_model_answer, 30), (make_choice, 30), (make_step, 25), (make_check, 15)),
    _inform,
)  # fmt: skip
_EVENTS = Recipe(
    "AMQP",
    ("On @noun@ event, @site@", "@Noun@ is @state3@, @site@", "@Noun@ gate @site@"),
    ("events",), _start_by_event,
    ((make_step, 35), (make_check, 20), (make_choice, 20), (make_guarded_call, 25)),
    _keep,
)  # fmt: skip
_FILES = Recipe(
    "SFTP",
    ("@Noun@ files of the @party@, @site@", "Read the CSV of @partner@, @site@"),
    ("files", "intake"), _start_by_file,
    ((make_check, 25), (make_loop, 35), (make_step, 20), (make_analysis, 20)),
    _move_file,
)  # fmt: skip
_APPROVAL = Recipe(
    "REST",
    ("Approve @plural@ of @site@", "Approval by @team@, @site@"),
    ("approval", "rest"), _start_by_request,
    ((make_approval, 45), (make_step, 30), (make_message, 15), (make_guarded_call, 10)),
    _answer,
)  # fmt: skip
_TRIAL = Recipe(
    "MANUAL",
    ("TEST @noun@ mapping @site@", "try_@path@_@siteSlug@", "Load old @plural@ of @site@"),
    ("test",), _start_by_hand,
    ((make_step, 60), (make_loop, 20), (make_analysis, 20)),
    _log, blocks_at_most=2,
)  # fmt: skip
SUBFLOW = Recipe(
    "",
    ("Find the @party@ of @site@", "Tidy @aNoun@ of @site@", "Tell @team@ @site@",
     "Price of @aNoun@, @site@"),
    ("shared",), _start_as_subflow,
    ((make_step, 60), (make_check, 20), (make_model_answer, 20)),
    _return, blocks_at_most=4,
)  # fmt: skip

_RECIPES = (
    *((_INTAKE, 22), (_SYNC, 20), (_REPORT, 13), (_TRIAGE, 9), (_EVENTS, 14)),
    *((_FILES, 8), (_APPROVAL, 6), (_TRIAL, 8)),
)


def pick_recipe(chance: Chance) -> Recipe:
    """Return a kind of flow that is no subflow; common ones are returned more often."""
    return chance.pick_weighted(_RECIPES)
