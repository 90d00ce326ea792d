// Lets one look around in a flow's pictures: zoom, drag, fit. Two of them always show the same part.
// Other scripts ask for a place by the events "graph:show" and "graph:centre", and learn of the part
// that is shown by "graph:view".
"use strict";

(() => {
    const LABEL = 13; // px of a label at 100 %
    const TYPE = 11;
    const READABLE = 0.7; // labels are 9 px high
    const LEGIBLE = 6; // px; a smaller text is not drawn
    const LEAST = 0.005;
    const MOST = 4;
    const STEP = 1.25;
    const DRAG = 4; // px of a move that is no click
    const PAUSE = 300; // ms after which turning the wheel is a new gesture

    const boxOf = (node) => {
        const { e, f } = node.transform.baseVal[0].matrix;
        const rect = node.querySelector("rect");
        const space = 18;
        return {
            left: e - space,
            top: f - space,
            right: e + rect.width.baseVal.value + space,
            bottom: f + rect.height.baseVal.value + space,
        };
    };
    const join = (one, other) => ({
        left: Math.min(one.left, other.left),
        top: Math.min(one.top, other.top),
        right: Math.max(one.right, other.right),
        bottom: Math.max(one.bottom, other.bottom),
    });
    const widthOf = (box) => box.right - box.left;
    const heightOf = (box) => box.bottom - box.top;
    const limit = (value, least, most) => Math.min(Math.max(value, least), most);

    class Pictures {
        constructor(root) {
            this.root = root;
            this.panes = [...root.querySelectorAll(".graph-scroll")].filter((pane) => !pane.closest("details"));
            this.pictures = this.panes.map((pane) => pane.querySelector("svg"));
            [this.width, this.height] = this.pictures[0].dataset.canvas.split(" ").map(Number);
            this.x = this.width / 2;
            this.y = this.height / 2;
            this.scale = 1;
            this.nodes = this.pictures.flatMap((picture) => [...picture.querySelectorAll(".node")])
                .map((node) => ({ node, ...boxOf(node), isOff: false }));
            this.isMoved = false;
            this.isWaiting = false;
            root.classList.add("is-live");
            new ResizeObserver(() => (this.isMoved ? this.draw() : this.open())).observe(this.panes[0]);
        }

        get size() {
            return [this.panes[0].clientWidth, this.panes[0].clientHeight];
        }

        get whole() {
            return { left: 0, top: 0, right: this.width, bottom: this.height };
        }

        get isOnScreen() {
            return this.panes[0].clientWidth > 0;
        }

        // What changed, in the order of the page, and then its neighbours.
        findFocus() {
            const nodes = this.pictures.flatMap((picture) => [...picture.querySelectorAll("[data-focus]")]);
            nodes.sort((one, other) => one.dataset.focus - other.dataset.focus);
            const near = this.pictures.flatMap((picture) => [...picture.querySelectorAll(".near")]);
            return [...nodes, ...near].map(boxOf);
        }

        // Fitted to what changed, as far as it can be read at once.
        open() {
            if (!this.isOnScreen) {
                return;
            }
            const [width, height] = this.size.map((length) => length / READABLE);
            const fits = (box) => widthOf(box) <= width && heightOf(box) <= height;
            const boxes = this.findFocus();
            if (boxes.length > 0) {
                this.fit(boxes.reduce((all, box) => (fits(join(all, box)) ? join(all, box) : all)), READABLE);
            } else if (fits(this.whole)) {
                this.fit(this.whole, READABLE);
            } else {
                this.fit(this.findStart(width, height), READABLE);
            }
            this.isMoved = false;
        }

        // The left end of the graph, where flows begin.
        findStart(width, height) {
            const boxes = [...this.pictures.at(-1).querySelectorAll(".node")].map(boxOf);
            const first = boxes.reduce((one, box) => (box.left < one.left ? box : one), boxes[0] ?? this.whole);
            const middle = (first.top + first.bottom) / 2;
            const top = limit(middle - height / 2, 0, Math.max(0, this.height - height));
            return { left: first.left, top, right: first.left + width, bottom: top + height };
        }

        fit(box, least = LEAST) {
            const [width, height] = this.size;
            this.scale = limit(Math.min(width / widthOf(box), height / heightOf(box)), least, 1);
            // Of what is too large, the beginning is shown.
            this.x = Math.min((box.left + box.right) / 2, Math.max(box.left + width / this.scale / 2, box.left));
            this.y = Math.min((box.top + box.bottom) / 2, Math.max(box.top + height / this.scale / 2, box.top));
            this.move();
        }

        fitAll() {
            this.fit(this.whole);
        }

        fitChanges() {
            const boxes = this.findFocus();
            if (boxes.length > 0) {
                this.fit(boxes.reduce(join));
            } else {
                this.open();
            }
        }

        // Zooms so that a point of the pane stays where it is; by default its middle.
        zoom(scale, at = null) {
            const [width, height] = this.size;
            const [right, down] = at ? [at.x - width / 2, at.y - height / 2] : [0, 0];
            const next = limit(scale, LEAST, MOST);
            this.x += right / this.scale - right / next;
            this.y += down / this.scale - down / next;
            this.scale = next;
            this.move();
        }

        // Moves what is shown by so many pixels.
        pan(right, down) {
            this.x -= right / this.scale;
            this.y -= down / this.scale;
            this.move();
        }

        centre(x, y) {
            [this.x, this.y] = [x, y];
            this.move();
        }

        show(number) {
            const found = this.pictures.flatMap((picture) => [...picture.querySelectorAll(`[data-change="${number}"]`)]);
            // Of a node that moved, its place in the second picture.
            const drawn = found.at(-1);
            if (!drawn) {
                return;
            }
            const { x, y, width, height } = drawn.getBBox();
            const matrix = drawn.transform.baseVal.length > 0 ? drawn.transform.baseVal[0].matrix : { e: 0, f: 0 };
            this.scale = Math.max(this.scale, READABLE);
            this.centre(x + width / 2 + matrix.e, y + height / 2 + matrix.f);
        }

        move() {
            this.isMoved = true;
            this.x = limit(this.x, 0, this.width);
            this.y = limit(this.y, 0, this.height);
            this.draw();
        }

        draw() {
            if (!this.isWaiting) {
                this.isWaiting = true;
                window.requestAnimationFrame(() => {
                    this.isWaiting = false;
                    this.drawNow();
                });
            }
        }

        // Texts outside of the part that is shown would make each move of a large graph slow.
        hideTexts({ x, y, width, height }) {
            for (const each of this.nodes) {
                const isOff = each.right < x || each.left > x + width || each.bottom < y || each.top > y + height;
                if (isOff !== each.isOff) {
                    each.isOff = isOff;
                    each.node.classList.toggle("off", isOff);
                }
            }
        }

        drawNow() {
            if (!this.isOnScreen) {
                return;
            }
            const [width, height] = this.size.map((length) => length / this.scale);
            const view = { x: this.x - width / 2, y: this.y - height / 2, width, height };
            for (const picture of this.pictures) {
                picture.setAttribute("viewBox", `${view.x} ${view.y} ${width} ${height}`);
            }
            this.hideTexts(view);
            this.root.classList.toggle("is-far", LABEL * this.scale < LEGIBLE);
            this.root.classList.toggle("is-small", TYPE * this.scale < LEGIBLE);
            const detail = { view, width: this.width, height: this.height, scale: this.scale };
            this.root.dispatchEvent(new CustomEvent("graph:view", { detail }));
        }
    }

    const addControls = (pictures) => {
        const bar = pictures.root.querySelector(".graph-controls");
        const commands = [
            ["Fit all", "f", () => pictures.fitAll()],
            ...(pictures.findFocus().length > 0 ? [["Fit changes", "c", () => pictures.fitChanges()]] : []),
            ["100 %", "0", () => pictures.zoom(1)],
            ["+", "+", () => pictures.zoom(pictures.scale * STEP), "Larger"],
            ["\u2212", "-", () => pictures.zoom(pictures.scale / STEP), "Smaller"],
        ];
        bar.setAttribute("role", "group");
        bar.setAttribute("aria-label", "What the pictures show");
        for (const [text, key, act, name] of commands) {
            const button = document.createElement("button");
            button.type = "button";
            button.className = "button";
            button.textContent = text;
            button.title = `${name ?? text} (key ${key})`;
            button.dataset.key = key;
            if (name) {
                button.setAttribute("aria-label", name);
            }
            button.addEventListener("click", act);
            bar.append(button);
        }
        const scale = document.createElement("span");
        scale.className = "graph-scale";
        bar.append(scale);
        pictures.root.addEventListener("graph:view", (event) => {
            scale.textContent = `${Math.round(event.detail.scale * 100)} %`;
        });
        return new Map(commands.map(([, key, act]) => [key, act]));
    };

    const listenToKeys = (pictures, commands) => {
        commands.set("=", commands.get("+"));
        const arrows = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
        document.addEventListener("keydown", (event) => {
            const isTyping = event.target.closest?.("input:not([type=checkbox]), textarea, select, [contenteditable]");
            if (isTyping || event.ctrlKey || event.altKey || event.metaKey || !pictures.isOnScreen) {
                return;
            }
            if (commands.has(event.key)) {
                commands.get(event.key)();
            } else if (event.key in arrows && pictures.panes.includes(event.target)) {
                const [right, down] = arrows[event.key];
                pictures.pan(right * pictures.size[0] / 6, down * pictures.size[1] / 6);
            } else {
                return;
            }
            event.preventDefault();
        });
    };

    const placeIn = (pane, event) => {
        const frame = pane.getBoundingClientRect();
        return { x: event.clientX - frame.left - pane.clientLeft, y: event.clientY - frame.top - pane.clientTop };
    };

    const listenToWheel = (pictures) => {
        let scrolled = -PAUSE;
        // While the page is scrolled, a picture that comes under the pointer does not take the wheel.
        document.addEventListener("wheel", (event) => {
            if (!event.defaultPrevented) {
                scrolled = event.timeStamp;
            }
        }, { passive: true });
        for (const pane of pictures.panes) {
            pane.addEventListener("wheel", (event) => {
                if (!event.ctrlKey && event.timeStamp - scrolled < PAUSE) {
                    return;
                }
                event.preventDefault();
                const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
                // Two fingers that move apart are told as a wheel with Ctrl, in small steps.
                const speed = event.ctrlKey ? 0.01 : 0.0015;
                const by = limit(event.deltaY * lines * speed, -0.5, 0.5);
                pictures.zoom(pictures.scale * Math.exp(-by), placeIn(pane, event));
            }, { passive: false });
        }
    };

    const spanOf = (fingers) => {
        const [one, other] = [...fingers.values()];
        return {
            x: (one.x + other.x) / 2,
            y: (one.y + other.y) / 2,
            length: Math.max(1, Math.hypot(one.x - other.x, one.y - other.y)),
        };
    };

    const listenToPointers = (pictures, pane) => {
        const fingers = new Map();
        let start = null;
        let isDragged = false;
        pane.addEventListener("pointerdown", (event) => {
            if (event.button !== 0 || event.target.closest(".graph-map")) {
                return;
            }
            if (fingers.size === 0) {
                isDragged = false;
                start = placeIn(pane, event);
            }
            fingers.set(event.pointerId, placeIn(pane, event));
        });
        pane.addEventListener("pointermove", (event) => {
            if (!fingers.has(event.pointerId)) {
                return;
            }
            const at = placeIn(pane, event);
            const before = fingers.size === 2 ? spanOf(fingers) : fingers.get(event.pointerId);
            if (!isDragged && fingers.size === 1 && Math.hypot(at.x - start.x, at.y - start.y) < DRAG) {
                return;
            }
            if (!isDragged) {
                isDragged = true;
                pane.classList.add("is-dragged");
            }
            // Only now: else a click would be one on the pane.
            if (!pane.hasPointerCapture(event.pointerId)) {
                pane.setPointerCapture(event.pointerId);
            }
            fingers.set(event.pointerId, at);
            const now = fingers.size === 2 ? spanOf(fingers) : at;
            pictures.pan(now.x - before.x, now.y - before.y);
            if (fingers.size === 2) {
                pictures.zoom(pictures.scale * now.length / before.length, now);
            }
        });
        const end = (event) => {
            fingers.delete(event.pointerId);
            if (fingers.size === 0) {
                pane.classList.remove("is-dragged");
            }
        };
        pane.addEventListener("pointerup", end);
        pane.addEventListener("pointercancel", end);
        pane.addEventListener("click", (event) => {
            if (isDragged) {
                event.preventDefault();
                event.stopPropagation();
                isDragged = false;
            }
        }, { capture: true });
        pane.addEventListener("dragstart", (event) => event.preventDefault());
        // A node that gets the focus by the keyboard is brought into the picture, not scrolled to.
        pane.addEventListener("scroll", () => pane.scrollTo(0, 0));
        pane.addEventListener("focusin", (event) => {
            if (event.target.matches("[data-change]") && event.target.matches(":focus-visible")) {
                pictures.show(event.target.dataset.change);
            }
        });
    };

    for (const root of document.querySelectorAll(".graph-view")) {
        const pictures = new Pictures(root);
        listenToKeys(pictures, addControls(pictures));
        listenToWheel(pictures);
        pictures.panes.forEach((pane) => listenToPointers(pictures, pane));
        root.addEventListener("graph:show", (event) => pictures.show(event.detail));
        root.addEventListener("graph:centre", (event) => pictures.centre(event.detail.x, event.detail.y));
    }
})();
