// The import pages work without this: it shows the progress of an import, and what is not planned yet.
"use strict";

const POLL_MILLISECONDS = 1000;

let failure = ""; // why the answer to a confirmation is none
let hasRun = false; // whether the server said that the import was running

// The numbers are those of the phase that comes with them: an earlier phase keeps none.
function showProgress(section, progress) {
    const isStarting = !progress.running && !progress.record && !hasRun;
    hasRun = hasRun || progress.running;
    section.querySelector(".phase").textContent = progress.phase || (isStarting ? "Starting" : "The import has ended");
    section.querySelector(".numbers").textContent = progress.total ? `${progress.done} of ${progress.total}` : "";
    section.querySelector(".import-stop").hidden = !progress.mayCancel;
    const bar = section.querySelector("progress");
    if (progress.total) {
        bar.max = progress.total;
        bar.value = progress.done;
    } else {
        bar.removeAttribute("value");
    }
}

async function poll(section, isOver) {
    try {
        const answer = await fetch(section.dataset.url, { headers: { Accept: "application/json" } });
        if (answer.redirected) { // to the login
            window.location.reload();
            return;
        }
        const progress = await answer.json();
        if (progress.record && isOver) {
            window.location.assign(progress.record);
            return;
        }
        if (isOver && !progress.running && !failure) { // the plan is there, perhaps
            window.location.reload();
            return;
        }
        showProgress(section, progress);
        if (isOver && !progress.running) {
            section.querySelector(".phase").textContent = failure;
            section.querySelector("progress").hidden = true;
            return;
        }
    } catch {
        section.querySelector(".phase").textContent = "Waiting for the server";
    }
    window.setTimeout(poll, POLL_MILLISECONDS, section, isOver);
}

function isChanged(field) {
    if (field instanceof HTMLSelectElement) {
        const chosen = [...field.options].findIndex((option) => option.defaultSelected);
        return field.selectedIndex !== Math.max(chosen, 0);
    }
    return field.type === "checkbox" || field.type === "radio"
        ? field.checked !== field.defaultChecked
        : field.type !== "hidden" && field.value !== field.defaultValue;
}

// Whether the form says anything else than the plan that is shown was made with.
function isUnplanned(form) {
    return [...form.elements].some((field) =>
        field.name && !["server_name", "reviewed", "chosen", "accept"].includes(field.name) && field.type !== "submit"
        && !field.closest(".import-filter") && isChanged(field));
}

function watchChoices(form) {
    const hint = document.querySelector(".import-unplanned");
    const show = () => { hint.hidden = !isUnplanned(form); };
    form.addEventListener("change", show);
    window.addEventListener("pageshow", show); // a browser that goes back fills the form in again
}

function watchConfirmation(form, button, section) {
    form.addEventListener("submit", async (event) => {
        if (event.submitter !== button || isUnplanned(form)) { // not planned yet: not imported
            return;
        }
        event.preventDefault();
        button.disabled = true;
        section.hidden = false;
        section.scrollIntoView({ block: "nearest" });
        poll(section, false);
        try {
            const answer = await fetch(button.formAction, {
                method: "POST", body: new FormData(form), headers: { Accept: "application/json" },
            });
            if (!answer.ok) {
                // A proxy's, perhaps, that did not wait for it.
                failure = `The server answered with an error (${answer.status}). Its record says why.`;
                poll(section, true);
                return;
            }
            window.location.assign((await answer.json()).url);
        } catch {
            // The answer is lost, the import is not: what became of it is asked for.
            poll(section, true);
        }
    });
}

const section = document.getElementById("import-progress");
const choices = document.getElementById("import-choices");
if (choices && document.querySelector(".import-unplanned")) {
    watchChoices(choices);
}
const confirmation = document.querySelector("#import-confirm input[type=submit]");
if (section && confirmation) {
    watchConfirmation(choices, confirmation, section);
}
if (section && "running" in section.dataset) {
    poll(section, true);
}
