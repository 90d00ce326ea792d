"""The blocks of which a sample's flows are put together, each a piece of work with its ways."""

from collections.abc import Callable

from imports.samples import systems
from imports.samples.graph import Block, Fork, Guard, Loop, Step
from imports.samples.javascript import CHECK, COMBINE, MAP, READ_ANSWER, SUMMARISE
from imports.samples.queries import READ, SUM, WRITE
from imports.samples.steps import StepMaker

_SETTINGS = ("Set the limits", "Set the defaults", "Keep the number", "Remember who asked")


def make_step(maker: StepMaker) -> Block:
    """Return one step of the process, as code, a query or a request."""
    kind = maker.chance.pick_weighted(
        (("request", 34), ("query", 22), ("map", 14), ("subflow", 15), ("set", 15))
    )
    if kind == "request":
        method = maker.chance.pick(("GET", "POST", "PUT"))
        role = maker.chance.pick((systems.SYSTEM, systems.PARTNER))
        return maker.make_request(role, maker.pick_label(), method)
    if kind == "query":
        return maker.make_query(maker.chance.pick((READ, WRITE)))
    if kind == "set":
        values = {"site": maker.area.site, "source": "flows", "limit": 500}
        return maker.make_plain("setValues", maker.pick_new_label(_SETTINGS), values=values)
    if kind == "map":
        return maker.make_code(MAP)
    return maker.make_subflow() or maker.make_publish()


def make_check(maker: StepMaker) -> Block:
    """Return a question of which one answer ends the flow."""
    refused: Block = (
        maker.make_query(WRITE),
        maker.make_mail() if maker.chance.happens(60) else maker.make_chat(),
        maker.make_plain("stop", "Not for us", ends=True, reason="@noun@ is left out"),
    )
    question = Fork(maker.make_question(), (("true", ()), ("false", refused)))
    return (maker.make_code(CHECK), question) if maker.chance.happens(45) else question


def make_choice(maker: StepMaker) -> Block:
    """Return a choice between several ways by the state, which come together again."""
    states = maker.area.process.states[: maker.chance.pick_number(3, 4)]
    ways = tuple((state, _make_way(maker)) for state in states)
    choice = maker.make_plain("switch", "Which state?", value="{{ input.state }}", cases=[*states])
    return (Fork(choice, ways, main=1), maker.make_plain("join", "Go on", mode="any"))


def _make_way(maker: StepMaker) -> Block:
    return tuple(make_step(maker) for _ in range(maker.chance.pick_number(1, 3)))


def make_parallel_reads(maker: StepMaker) -> Block:
    """Return two or three reads side by side, and the code that combines them."""
    ways: list[tuple[str, Block]] = [
        ("left", maker.make_query(READ)),
        ("right", maker.make_request(systems.PARTNER, "Fetch from @partner@", "GET")),
    ]
    if maker.chance.happens(40):
        ways.append(("more", maker.make_query(SUM)))
    split = maker.make_plain("split", "Read side by side", ways=len(ways))
    join = maker.make_plain("join", "Wait for all", mode="all")
    return (Fork(split, tuple(ways)), join, maker.make_code(COMBINE))


def make_loop(maker: StepMaker) -> Block:
    """Return the work on many things in parts."""
    body: tuple[Block, ...] = (maker.make_request(systems.PARTNER, "Send to @partner@"),)
    if maker.chance.happens(60):
        body = (maker.make_code(MAP), *body)
    if maker.chance.happens(50):
        body += (maker.make_plain("wait", "Wait two seconds", seconds=2),)
    size = maker.chance.pick((25, 50, 100, 200))
    return Loop(maker.make_plain("loop", f"In parts of {size}", size=size), body)


def make_guarded_call(maker: StepMaker) -> Block:
    """Return a call of a system, and what is done if it fails."""
    label = maker.pick_label()
    body: tuple[Block, ...] = (maker.make_request(systems.SYSTEM, label),)
    if maker.chance.happens(50):
        body += (maker.make_query(WRITE),)
    handler: tuple[Block, ...] = (
        maker.make_plain(
            "log", "Write the fault down", level="error", message="{{ error.message }}"
        ),
        maker.make_chat("Tell who is on call"),
        maker.make_plain("stop", "Stop with the fault", ends=True, reason="{{ error.message }}"),
    )
    return Guard(body, handler if maker.chance.happens(60) else handler[1:])


def make_store(maker: StepMaker) -> Block:
    """Return what keeps the result."""
    kind = maker.chance.pick_weighted((("query", 60), ("archive", 15), ("publish", 25)))
    if kind == "archive":
        return (maker.make_page(), maker.make_archive())
    return maker.make_publish() if kind == "publish" else maker.make_query(WRITE)


def make_message(maker: StepMaker) -> Block:
    """Return a message to people."""
    message = maker.make_mail() if maker.chance.happens(55) else maker.make_chat()
    return (maker.make_code(SUMMARISE), message) if maker.chance.happens(35) else message


def make_model_answer(maker: StepMaker) -> Block:
    """Return the question to a language model, and the code that reads its answer."""
    return (maker.make_prompt(), maker.make_code(READ_ANSWER))


def make_approval(maker: StepMaker) -> Block:
    """Return the question to a person, with what follows either answer."""
    answer = Step(
        type="condition", label="Approved?", parameters={"expression": "input.answer === 'yes'"}
    )
    refused: Block = (
        maker.make_query(WRITE),
        maker.make_mail("Tell the @party@"),
        maker.make_plain("stop", "Refused", ends=True, reason="refused by @team@"),
    )
    wait = maker.make_plain("wait", "Wait for the answer", hours=48, resumeBy="webhook")
    return (
        maker.make_chat("Ask for approval"),
        wait,
        Fork(answer, (("true", ()), ("false", refused))),
    )


def make_analysis(maker: StepMaker) -> Block:
    """Return code in Python on rows that were read."""
    return (maker.make_query(READ), maker.make_python())


BlockMaker = Callable[[StepMaker], Block]
