// The import pages work without this: it says early that a file is too large, and shows progress.
"use strict";

const POLL_MILLISECONDS = 1000;

let failure = ""; // why the answer to a confirmation is none

function watchUpload(form) {
    const input = form.querySelector("input[type=file]");
    const tooLarge = document.getElementById("file-too-large");
    const submit = form.querySelector("input[type=submit]");
    const zone = form.querySelector(".import-drop");
    input.addEventListener("change", () => {
        const isTooLarge = input.files.length === 1 && input.files[0].size > Number(form.dataset.maxBytes);
        tooLarge.hidden = !isTooLarge;
        submit.disabled = isTooLarge;
    });
    for (const name of ["dragenter", "dragover"]) {
        zone.addEventListener(name, (event) => {
            event.preventDefault();
            zone.classList.add("over");
        });
    }
    for (const name of ["dragleave", "drop"]) {
        zone.addEventListener(name, () => zone.classList.remove("over"));
    }
    zone.addEventListener("drop", (event) => {
        event.preventDefault();
        input.files = event.dataTransfer.files;
        input.dispatchEvent(new Event("change"));
    });
}

async function poll(section, isOver) {
    try {
        const answer = await fetch(section.dataset.url, { headers: { Accept: "application/json" } });
        if (answer.redirected) { // to the login
            window.location.reload();
            return;
        }
        const told = await answer.json();
        if (told.record && isOver) {
            window.location.assign(told.record);
            return;
        }
        section.querySelector(".phase").textContent = told.phase || "Starting";
        const bar = section.querySelector("progress");
        if (told.total) {
            bar.max = told.total;
            bar.value = told.done;
            section.querySelector(".numbers").textContent = `${told.done} of ${told.total}`;
        }
        if (isOver && !told.running) {
            if (failure) {
                section.querySelector(".phase").textContent = failure;
                bar.hidden = true;
            } else {
                window.location.reload();
            }
            return;
        }
    } catch {
        section.querySelector(".phase").textContent = "Waiting for the server";
    }
    window.setTimeout(poll, POLL_MILLISECONDS, section, isOver);
}

function watchConfirmation(form, button, section) {
    let isUnplanned = false;
    form.addEventListener("change", (event) => {
        if (event.target.name === "server_name" || event.target.closest(".import-filter")) {
            return;
        }
        isUnplanned = true;
        document.querySelector(".import-unplanned").hidden = false;
    });
    form.addEventListener("submit", async (event) => {
        if (event.submitter !== button || isUnplanned) { // what is not planned yet is not imported
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

const upload = document.querySelector(".import-upload");
if (upload) {
    watchUpload(upload);
}
const section = document.getElementById("import-progress");
const choices = document.getElementById("import-choices");
const confirmation = document.querySelector("#import-confirm input[type=submit]");
if (section && confirmation) {
    watchConfirmation(choices, confirmation, section);
}
if (section && "running" in section.dataset) {
    poll(section, true);
}
