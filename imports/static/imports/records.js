// The pages of records work without this: it shows the end of a run, ticks a whole page, and leaves
// a pasted text where it is while its lines are wrong.
"use strict";

const POLL_MILLISECONDS = 2000;

function showProgress(section, state) {
    const bar = section.querySelector("progress");
    if (!bar) { // its process had died when the page was made
        return;
    }
    section.querySelector(".phase").textContent = state.phase;
    section.querySelector(".numbers").textContent = state.total ? `${state.done} of ${state.total}` : "";
    if (state.total) {
        bar.max = state.total;
        bar.value = state.done;
    } else {
        bar.removeAttribute("value");
    }
    const stop = document.querySelector(".record-stop");
    if (stop) {
        stop.hidden = !state.mayCancel;
    }
}

async function watchRun(section) {
    try {
        const answer = await fetch(section.dataset.url, { headers: { Accept: "application/json" } });
        if (answer.redirected) { // to the login
            window.location.reload();
            return;
        }
        const state = await answer.json();
        if (!state.running) {
            window.location.reload();
            return;
        }
        section.querySelector(".record-elapsed").textContent = `, ${state.seconds} s ago`;
        showProgress(section, state);
    } catch {
        section.querySelector(".record-elapsed").textContent = ". Waiting for the server";
    }
    window.setTimeout(watchRun, POLL_MILLISECONDS, section);
}

function addTickOfAll(form) {
    const boxes = [...form.querySelectorAll("input[name=tick]")];
    const head = form.querySelector("th.record-tick");
    if (!head || !boxes.length) {
        return;
    }
    const all = document.createElement("input");
    all.type = "checkbox";
    all.setAttribute("aria-label", "Tick all on this page");
    all.checked = boxes.every((box) => box.checked);
    all.addEventListener("change", () => {
        for (const box of boxes) {
            box.checked = all.checked;
        }
    });
    form.addEventListener("keydown", (event) => {
        if (event.key === "Enter" && event.target.type === "checkbox") { // or what is pasted would be lost
            event.preventDefault();
        }
    });
    form.addEventListener("change", () => { all.checked = boxes.every((box) => box.checked); });
    head.replaceChildren(all);
}

function showProblems(problems) {
    const section = document.getElementById("paste-problems");
    section.querySelector("p").textContent = "Nothing was stored. Your text is as it was:";
    section.querySelector("ul").replaceChildren(...problems.map((problem) => {
        const line = document.createElement("li");
        line.textContent = problem.line ? `Line ${problem.line}: ${problem.message}` : problem.message;
        return line;
    }));
    section.hidden = false;
}

function goTo(address) {
    const url = new URL(address, window.location.href);
    const isHere = url.pathname === window.location.pathname && url.search === window.location.search;
    window.location.assign(url);
    if (isHere) { // but for the part after the #, which loads nothing
        window.location.reload();
    }
}

function watchPaste(form) {
    form.addEventListener("submit", async (event) => {
        const button = event.submitter;
        if (!button || button.value !== "fill") {
            return;
        }
        event.preventDefault();
        const body = new FormData(form, button);
        button.disabled = true;
        try {
            const answer = await fetch(form.action, {
                method: "POST", body, headers: { Accept: "application/json" },
            });
            const { problems, url } = await answer.json();
            if (url) {
                document.getElementById("id_pasted").value = ""; // or a browser that goes back has it
                goTo(url);
                return;
            }
            showProblems(problems);
        } catch {
            const message = "The server gave no answer that can be read. Load the page anew to see what is stored.";
            showProblems([{ line: 0, message }]);
        }
        button.disabled = false;
    });
}

const running = document.getElementById("record-running");
if (running) {
    watchRun(running);
}
const checklist = document.getElementById("checklist-form");
if (checklist) {
    addTickOfAll(checklist);
    if (document.getElementById("id_pasted")) {
        watchPaste(checklist);
    }
}
