// Makes the comparison of two states of a flow more pleasant; everything works without it.
"use strict";

(() => {
    const section = document.querySelector(".difference");
    if (!section) {
        return;
    }
    const scrolls = [...section.querySelectorAll(".graph-pair .graph-scroll")];
    const changes = [...section.querySelectorAll("[id^='change-']")];
    const numberOf = (element) => Number(element.id.slice("change-".length));
    let current = 0;

    const centre = (scroll, drawn) => {
        const box = drawn.getBoundingClientRect();
        const frame = scroll.getBoundingClientRect();
        scroll.scrollLeft += box.left + box.width / 2 - frame.left - frame.width / 2;
        scroll.scrollTop += box.top + box.height / 2 - frame.top - frame.height / 2;
    };

    const highlight = (number) => {
        section.querySelectorAll(".graph .highlighted").forEach((drawn) => drawn.classList.remove("highlighted"));
        const found = section.querySelectorAll(`.graph-pair [data-change="${number}"]`);
        found.forEach((drawn) => drawn.classList.add("highlighted"));
        // The pictures scroll together: of a node that moved, the place in the second one leads.
        found.forEach((drawn) => centre(drawn.closest(".graph-scroll"), drawn));
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

    const synchronise = (first, second) => {
        first.addEventListener("scroll", () => {
            second.scrollLeft = first.scrollLeft;
            second.scrollTop = first.scrollTop;
        }, { passive: true });
    };

    if (scrolls.length === 2) {
        synchronise(scrolls[0], scrolls[1]);
        synchronise(scrolls[1], scrolls[0]);
    }
    if (changes.length > 0) {
        section.querySelector(".difference-walk")?.append(
            button("Previous change", "p", -1), button("Next change", "n", 1),
        );
    }
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
