// A small map of a flow's picture, with the part that is shown, where that is not all of it.
"use strict";

(() => {
    const SVG = "http://www.w3.org/2000/svg";
    const STATES = ["added", "removed", "changed", "moved"];
    const MOST = { width: 180, height: 120 };

    const make = (tag, attributes) => {
        const element = document.createElementNS(SVG, tag);
        for (const [name, value] of Object.entries(attributes)) {
            element.setAttribute(name, value);
        }
        return element;
    };

    // One path for all boxes of a state: a map of thousands of nodes is drawn as fast as one of a few.
    const readBoxes = (picture) => {
        const paths = new Map();
        for (const node of picture.querySelectorAll(".node")) {
            const { e, f } = node.transform.baseVal[0].matrix;
            const rect = node.querySelector("rect");
            const state = STATES.find((each) => node.classList.contains(each))
                ?? ["note", "frame"].find((each) => node.classList.contains(each)) ?? "same";
            const [width, height] = [rect.width.baseVal.value, rect.height.baseVal.value];
            paths.set(state, `${paths.get(state) ?? ""}M${e} ${f}h${width}v${height}h${-width}z`);
        }
        return paths;
    };

    const build = (root, { width, height }) => {
        const scale = Math.min(MOST.width / width, MOST.height / height);
        const map = make("svg", {
            class: "graph-map", viewBox: `0 0 ${width} ${height}`, width: width * scale, height: height * scale,
            "aria-hidden": "true",
        });
        const pane = [...root.querySelectorAll(".graph-side > .graph-scroll")].at(-1);
        const paths = readBoxes(pane.querySelector("svg"));
        for (const state of ["frame", "note", "same", ...STATES]) {
            if (paths.has(state)) {
                map.append(make("path", { class: state, d: paths.get(state) }));
            }
        }
        const shown = make("rect", { class: "shown" });
        map.append(shown);
        pane.append(map);
        const centre = (event) => {
            const frame = map.getBoundingClientRect();
            const detail = {
                x: (event.clientX - frame.left) / frame.width * width,
                y: (event.clientY - frame.top) / frame.height * height,
            };
            root.dispatchEvent(new CustomEvent("graph:centre", { detail }));
        };
        map.addEventListener("pointerdown", (event) => {
            map.setPointerCapture(event.pointerId);
            centre(event);
            event.preventDefault();
        });
        map.addEventListener("pointermove", (event) => {
            if (map.hasPointerCapture(event.pointerId)) {
                centre(event);
            }
        });
        return { map, shown };
    };

    for (const root of document.querySelectorAll(".graph-view")) {
        let built = null;
        root.addEventListener("graph:view", (event) => {
            const { view, width, height } = event.detail;
            const isAll = view.x <= 0 && view.y <= 0 && view.x + view.width >= width && view.y + view.height >= height;
            if (isAll && !built) {
                return;
            }
            built ??= build(root, event.detail);
            built.map.toggleAttribute("hidden", isAll);
            for (const name of ["x", "y", "width", "height"]) {
                built.shown.setAttribute(name, view[name]);
            }
        });
    }
})();
