// The upload form works without this: it says early that a file is too large, and how much is sent.
"use strict";

const BYTES = ["bytes", "KB", "MB", "GB"];

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
    form.addEventListener("submit", (event) => {
        event.preventDefault();
        sendUpload(form, submit);
    });
    window.addEventListener("pageshow", (event) => {
        if (event.persisted) { // a browser that goes back shows the page as it was left
            document.getElementById("upload-progress").hidden = true;
            submit.disabled = !tooLarge.hidden;
        }
    });
}

// As the page writes sizes: 1.5 MB.
function formatBytes(count) {
    const power = count < 1 ? 0 : Math.min(Math.floor(Math.log(count) / Math.log(1024)), BYTES.length - 1);
    return `${(count / 1024 ** power).toFixed(power ? 1 : 0)} ${BYTES[power]}`;
}

function sendUpload(form, submit) {
    const section = document.getElementById("upload-progress");
    const bar = section.querySelector("progress");
    const stop = section.querySelector("button");
    const request = new XMLHttpRequest();
    const say = (phase, numbers = "") => {
        section.querySelector(".phase").textContent = phase;
        section.querySelector(".numbers").textContent = numbers;
    };
    const end = (phase) => {
        say(phase);
        bar.hidden = stop.hidden = true;
        submit.disabled = false;
    };
    request.upload.addEventListener("progress", (event) => {
        bar.max = event.total;
        bar.value = event.loaded;
        say("Uploading", `${formatBytes(event.loaded)} of ${formatBytes(event.total)}`);
    });
    request.upload.addEventListener("load", () => {
        bar.removeAttribute("value");
        say("The file has arrived. The server reads it, and plans what would happen.");
    });
    request.addEventListener("load", () => showAnswer(form, request, end));
    request.addEventListener("error", () => end("The upload was cut off. Nothing was imported."));
    request.addEventListener("abort", () => end("The upload was stopped. Nothing was imported."));
    submit.disabled = true;
    section.hidden = bar.hidden = stop.hidden = false;
    bar.removeAttribute("value");
    say("Uploading");
    section.scrollIntoView({ block: "nearest" });
    stop.onclick = () => request.abort();
    request.open("POST", form.action);
    request.setRequestHeader("Accept", "application/json");
    request.send(new FormData(form));
}

// The answer is where the preview is, or the page of the form with what is wrong.
function showAnswer(form, request, end) {
    const type = request.getResponseHeader("Content-Type") || "";
    if (request.status === 200 && type.startsWith("application/json")) {
        window.location.assign(JSON.parse(request.responseText).url);
        return;
    }
    if (request.responseURL !== form.action) { // to the login
        window.location.assign(request.responseURL);
        return;
    }
    const page = new DOMParser().parseFromString(request.responseText, "text/html");
    const content = page.getElementById("content");
    const next = content && content.querySelector(".import-upload");
    if (!next) { // a proxy's page, perhaps
        end(`The server answered with an error (${request.status}). Nothing was imported.`);
        return;
    }
    document.title = page.title;
    document.getElementById("content").replaceWith(content);
    watchUpload(next);
    window.scrollTo(0, 0);
}

watchUpload(document.querySelector(".import-upload"));
