// The review works without this: it keeps a tick at once, and goes from item to item by keys.
"use strict";

function isTyping(target) {
    return target instanceof HTMLElement
        && (target.isContentEditable || target.matches("input:not([type=checkbox], [type=submit]), select, textarea"));
}

// Where the focus is in the list, or just left it.
let place = -1;

function moveInList(links, step) {
    const focused = links.findIndex((link) => link.closest("tr").contains(document.activeElement));
    place = Math.min(Math.max((focused < 0 ? place : focused) + step, 0), links.length - 1);
    links[place].focus();
    links[place].scrollIntoView({ block: "center" });
}

function findTickOfFocus() {
    const row = document.activeElement && document.activeElement.closest("tr.import-item");
    return row && row.querySelector("input[name=reviewed]");
}

function watchKeys() {
    const links = [...document.querySelectorAll(".import-list .import-name > a:first-child")];
    document.addEventListener("keydown", (event) => {
        if (event.ctrlKey || event.altKey || event.metaKey || isTyping(event.target)) {
            return;
        }
        const control = document.querySelector(`.import-walk [data-key="${CSS.escape(event.key)}"]`);
        if (control) {
            event.preventDefault();
            control.click();
        } else if (links.length && (event.key === "j" || event.key === "k")) {
            event.preventDefault();
            moveInList(links, event.key === "j" ? 1 : -1);
        } else if (event.key === "r" && findTickOfFocus()) {
            event.preventDefault();
            findTickOfFocus().click();
        }
    });
}

function showCount(bar, count) {
    bar.querySelector(".done").textContent = count.done;
    bar.querySelector(".total").textContent = count.total;
    const progress = bar.querySelector("progress");
    progress.max = count.total || 1;
    progress.value = count.done;
}

async function keepTick(form, bar, tick) {
    const data = new FormData();
    data.set("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken.value);
    data.set("tick", tick.value);
    if (tick.checked) {
        data.set("reviewed", tick.value);
    }
    tick.closest("tr").classList.toggle("is-reviewed", tick.checked);
    try {
        const answer = await fetch(bar.dataset.review, {
            method: "POST", body: data, headers: { Accept: "application/json" },
        });
        if (answer.ok && !answer.redirected) {
            showCount(bar, await answer.json());
        }
    } catch {
        // The form has the tick: the next button that is pressed keeps it.
    }
}

function watchTicks(form, bar) {
    form.addEventListener("change", (event) => {
        if (event.target.name === "reviewed") {
            keepTick(form, bar, event.target);
        }
    });
}

watchKeys();
const reviewForm = document.getElementById("import-choices");
const reviewBar = document.querySelector("[data-review]");
if (reviewForm && reviewBar) {
    watchTicks(reviewForm, reviewBar);
}
