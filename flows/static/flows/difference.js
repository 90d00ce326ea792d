// Steps from change to change, between the pictures and the list; everything works without it.
"use strict";

(() => {
    const section = document.querySelector(".difference");
    if (!section) {
        return;
    }
    const pictures = section.querySelector(".graph-view");
    const changes = [...section.querySelectorAll("[id^='change-']")];
    const numberOf = (element) => Number(element.id.slice("change-".length));
    let current = 0;

    const highlight = (number) => {
        section.querySelectorAll(".graph .highlighted").forEach((drawn) => drawn.classList.remove("highlighted"));
        section.querySelectorAll(`.graph-pair [data-change="${number}"]`)
            .forEach((drawn) => drawn.classList.add("highlighted"));
        pictures?.dispatchEvent(new CustomEvent("graph:show", { detail: number }));
    };

    const show = (change) => {
        for (let around = change.closest("details"); around; around = around.parentElement.closest("details")) {
            around.open = true;
        }
        current = numberOf(change);
        highlight(current);
    };

    const showNamed = () => {
        const named = changes.find((change) => `#${change.id}` === window.location.hash);
        if (named) {
            show(named);
            named.scrollIntoView({ block: "nearest" });
        }
    };

    const step = (by) => {
        const next = changes.find((change) => numberOf(change) === current + by)
            ?? changes.at(by > 0 ? 0 : -1);
        if (next) {
            window.location.replace(`#${next.id}`);
            show(next);
        }
    };

    const button = (text, key, by) => {
        const made = document.createElement("button");
        made.type = "button";
        made.className = "button";
        made.textContent = text;
        made.title = `Key ${key}`;
        made.addEventListener("click", () => step(by));
        return made;
    };

    if (changes.length > 0) {
        section.querySelector(".graph-controls")?.append(
            button("Previous change", "p", -1), button("Next change", "n", 1),
        );
    }
    // From a change back to its node: the page stays at the change's address.
    section.addEventListener("click", (event) => {
        const number = event.target.closest?.("[data-show]")?.dataset.show;
        if (number) {
            event.preventDefault();
            highlight(number);
            pictures.scrollIntoView({ block: "nearest" });
            section.querySelector(`.graph-pair a.node[data-change="${number}"]`)?.focus({ preventScroll: true });
        }
    });
    document.addEventListener("keydown", (event) => {
        const typing = event.target.closest?.("input:not([type=checkbox]), textarea, select, [contenteditable]");
        if (typing || event.ctrlKey || event.altKey || event.metaKey) {
            return;
        }
        if (event.key === "n" || event.key === "p") {
            step(event.key === "n" ? 1 : -1);
        }
    });
    window.addEventListener("hashchange", showNamed);
    showNamed();
})();
