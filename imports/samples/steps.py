"""The steps of a sample's flows: each makes one node, and notes which systems it needs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flows.content.fields import UUID_KEY
from imports.samples import systems
from imports.samples.areas import Area
from imports.samples.chance import Chance
from imports.samples.graph import Step
from imports.samples.javascript import VERIFY, make_javascript
from imports.samples.prose import make_instructions, make_mail, make_page
from imports.samples.queries import make_python, make_query
from imports.samples.systems import System, make_system

_TRIES = 4


@dataclass(frozen=True, slots=True)
class Subflow:
    """A flow that others call: its uuid and name."""

    uuid: str
    name: str


@dataclass(slots=True, kw_only=True)
class StepMaker:
    """Makes the steps of one flow; `systems` are those that they need, by role."""

    seed: int
    area: Area
    chance: Chance
    subflows: Sequence[Subflow] = ()
    """Those that the flow may call."""
    systems: dict[str, System] = field(default_factory=dict)
    _labels: set[str] = field(default_factory=set)
    """Those of the steps so far."""

    def pick_label(self) -> str:
        """Return what a step of the process is called."""
        return self.pick_new_label(self.area.process.steps)

    def pick_new_label(self, labels: Sequence[str]) -> str:
        """Return one of the labels, as long as there are any, one that is new in the flow."""
        label = self.chance.pick([each for each in labels if each not in self._labels] or labels)
        self._labels.add(label)
        return label

    def connect(self, role: str) -> dict[str, Any]:
        """Return the data of a node that uses the area's system of this role."""
        connection = self._need_system(role).connection or {}
        return {"connectionUuid": connection[UUID_KEY]}

    def make_code(self, purpose: str) -> Step:
        """Return a step of JavaScript of this purpose."""
        label, code = self._pick_new(lambda: make_javascript(self.chance, self.area, purpose))
        if purpose == VERIFY:
            [secret] = self._need_system(systems.SIGNING).secrets
            code = code.replace("SIGNING_KEY", secret["name"])
        return Step(type="javascript", label=label, data={"code": code})

    def make_python(self) -> Step:
        """Return a step of Python."""
        label, code = self._pick_new(lambda: make_python(self.chance, self.area))
        return Step(type="python", label=label, data={"code": code})

    def make_query(self, purpose: str) -> Step:
        """Return a step that reads from the database of the area, writes or sums."""
        label, query = self._pick_new(lambda: make_query(self.chance, self.area, purpose))
        count = sum(f"${number}" in query for number in range(1, 6))
        keys = [self.area.words[key] for key in ("number", "field1", "field2", "amount", "day")]
        values = [f"{{{{ input.{key} }}}}" for key in keys[:count]]
        return Step(
            type="postgres", label=label, parameters={"query": query, "values": values},
            data=self.connect(systems.DATABASE),
        )  # fmt: skip

    def make_request(self, role: str, label: str, method: str = "POST") -> Step:
        """Return a step that calls a system over HTTP, with several tries."""
        path = self.area.fill("/@path@") + ("" if method == "POST" else "/{{ input.%s }}")
        parameters = {
            "method": method,
            "path": path.replace("%s", self.area.words["number"]),
            "timeout": self.chance.pick((5000, 10000, 20000, 30000)),
        }
        if method != "GET":
            parameters["body"] = "{{ input }}"
        tries = {"maxTries": self.chance.pick((2, 3, 5)), "waitBetweenTries": 2000}
        return self._make_step("http", label, parameters, {**self.connect(role), **tries})

    def make_mail(self, label: str = "Mail @team@") -> Step:
        """Return a step that mails the team or the party."""
        subject, text = make_mail(self.chance, self.area)
        parameters = {"to": "@mailbox@@example.org", "subject": subject, "text": text}
        return self._make_step("smtp", label, parameters, self.connect(systems.MAIL))

    def make_chat(self, label: str = "Tell the channel") -> Step:
        """Return a step that writes into the channel of the team."""
        text = "@Noun@ {{ input.@number@ }} of {{ input.@field1@ }} is @state2@"
        parameters = {"channel": "#@channel@", "text": text}
        return self._make_step("chat", label, parameters, self.connect(systems.CHAT))

    def make_page(self) -> Step:
        """Return a step that fills a document in."""
        page = make_page(self.chance, self.area)
        format_ = "html" if page.startswith("<") else "markdown"
        return self._make_step("template", "Fill the page in", {"format": format_, "text": page})

    def make_prompt(self) -> Step:
        """Return a step that asks a language model."""
        parameters = {
            "model": self.chance.pick(("small-2", "large-3")), "temperature": 0,
            "system": make_instructions(self.chance, self.area), "prompt": "{{ input.text }}",
        }  # fmt: skip
        return self._make_step(
            "languageModel", "Ask the model", parameters, self.connect(systems.MODEL)
        )

    def make_file(self, operation: str, label: str) -> Step:
        """Return a step that gets, puts or moves a file."""
        folder = {"get": "in", "put": "out", "move": "done"}[operation]
        parameters = {"operation": operation, "path": f"/{folder}/{{{{ today }}}}-@path@.csv"}
        return self._make_step("sftp", label, parameters, self.connect(systems.FILES))

    def make_archive(self) -> Step:
        """Return a step that keeps a document in the archive."""
        parameters = {"operation": "put", "key": "{{ today }}/{{ input.@number@ }}.pdf"}
        return self._make_step("s3", "Keep the document", parameters, self.connect(systems.STORE))

    def make_publish(self) -> Step:
        """Return a step that puts an event onto the bus."""
        parameters = {"exchange": "@path@", "routingKey": "@item@.@state2@", "persistent": True}
        return self._make_step("amqp", "Publish the event", parameters, self.connect(systems.QUEUE))

    def make_subflow(self) -> Step | None:
        """Return a step that calls a subflow of the area; None where there is none."""
        if not self.subflows:
            return None
        called = self.chance.pick(self.subflows)
        data = {"subflowUuid": called.uuid}
        return self._make_step("subflow", called.name, {"input": "{{ input }}"}, data)

    def make_question(self) -> Step:
        """Return a step that decides between two ways."""
        words = self.area.words
        expression = self.chance.pick(
            (
                f"input.{words['amount']} > {self.chance.pick((50, 250, 1000, 5000, 10000))}",
                f"input.state === '{self.area.process.states[1]}'",
                f"Boolean(input.{words['field1']} && input.{words['field2']})",
                "input.isValid",
            )
        )
        label = self.chance.pick(self.area.process.questions)
        return Step(type="condition", label=label, parameters={"expression": expression})

    def make_plain(self, type_: str, label: str, *, ends: bool = False, **parameters: Any) -> Step:
        """Return a step without a system."""
        return self._make_step(type_, label, parameters, ends=ends)

    def _make_step(
        self, type_: str, label: str, parameters: Mapping[str, Any],
        data: Mapping[str, Any] | None = None, *, ends: bool = False,
    ) -> Step:  # fmt: skip
        filled = {
            key: self.area.fill(value) if isinstance(value, str) else value
            for key, value in parameters.items()
        }
        return Step(
            type=type_, label=self.area.fill(label), parameters=filled, data=data or {}, ends=ends
        )

    def _pick_new(self, make: Callable[[], tuple[str, str]]) -> tuple[str, str]:
        """Return a label and its text; of a few tries the first with a new label, or the last."""
        for _ in range(_TRIES):
            label, text = make()
            if label not in self._labels:
                break
        self._labels.add(label)
        return label, text

    def _need_system(self, role: str) -> System:
        if role not in self.systems:
            self.systems[role] = make_system(self.seed, self.area, role)
        return self.systems[role]
