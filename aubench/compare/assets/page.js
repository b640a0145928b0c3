"use strict";
(() => {
  const source = document.getElementById("data");
  const data = JSON.parse(source.textContent);
  const SVG = "http://www.w3.org/2000/svg";
  const METRICS = { icc31: ["ICC(3,1)", 0], mae: ["MAE", 2] };
  const colour = i => `var(--c${i % 8})`;
  const title = au => data.names[au] ? `${au} · ${data.names[au]}` : au;
  const fixed = (v, n = 2) => v === null || v === undefined ? "–" : v.toFixed(n);

  function make(tag, attributes = {}, ...children) {
    const node = document.createElement(tag);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    node.append(...children);
    return node;
  }
  function draw(parent, tag, attributes = {}, text) {
    const node = document.createElementNS(SVG, tag);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    if (text !== undefined) node.textContent = text;
    parent.append(node);
    return node;
  }
  function canvas(plot, width, height, label) {
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", label);
    plot.replaceChildren(svg);
    return svg;
  }
  const unpack = text => Uint8Array.from(atob(text), c => c.charCodeAt(0));

  // --- tables: sorted within each body, so that rows of different protocols never mix ---
  const value = (row, column) => {
    const cell = row.children[column];
    if (cell.dataset.v !== undefined) return Number(cell.dataset.v);
    const text = cell.textContent.trim();
    const number = Number(text.replace(/,/g, "").split(" ")[0]);
    return text === "–" || text === "" ? null : Number.isNaN(number) ? text.toLowerCase() : number;
  };
  const before = (a, b, sign) => {
    if (a === null || b === null) return (a === null) - (b === null);
    return sign * (typeof a === "string" || typeof b === "string" ? String(a).localeCompare(String(b)) : a - b);
  };
  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = [...table.querySelectorAll("thead th")];
    heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "descending" ? false
        : head.getAttribute("aria-sort") === "ascending" ? true : column > 0;
      heads.forEach(other => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      for (const body of table.tBodies) {
        const rows = [...body.rows].filter(row => !row.classList.contains("divider"));
        const keyed = rows.map(row => [value(row, column), row]);
        keyed.sort((a, b) => before(a[0], b[0], down ? -1 : 1));
        body.append(...keyed.map(pair => pair[1]));
      }
    }));
  }

  // --- bars per action unit ---
  function bars(figure) {
    const set = data.datasets[figure.dataset.dataset];
    const plot = figure.querySelector(".plot");
    const controls = figure.querySelector(".controls");
    const state = { metric: "icc31", shown: new Set(set.rows.map(row => row.name)) };
    const pick = make("select");
    for (const [key, [words]] of Object.entries(METRICS)) pick.append(make("option", { value: key }, words));
    pick.addEventListener("change", () => { state.metric = pick.value; paint(); });
    controls.append(make("label", { class: "pick" }, "score", pick), chips(set.rows.map(r => r.name), state, () => paint()));
    function paint() {
      const place = { icc31: 0, mae: 2 }[state.metric];
      const rows = set.rows.map((row, i) => ({ row, i })).filter(({ row }) => state.shown.has(row.name));
      const all = rows.flatMap(({ row }) => set.aus.flatMap(au => {
        const cell = row.aus[au];
        return cell[place] === null ? [] : [cell[place], ...(cell[place + 1] || [])];
      }));
      const top = Math.max(state.metric === "icc31" ? 1 : 0.5, ...all);
      const low = Math.min(0, ...all);
      const width = Math.max(300, plot.clientWidth || 900);
      const flat = width < 620;
      const band = flat ? Math.max(16, rows.length * 8 + 8) : 0;
      const height = flat ? set.aus.length * band + 34 : 300;
      const box = flat ? [54, 6, width - 12, height - 26] : [40, 12, width - 6, height - 28];
      const words = METRICS[state.metric][0];
      const svg = canvas(plot, width, height, `${words} per action unit of ${rows.map(r => r.row.name).join(", ")}; `
        + "the numbers are in the table below");
      const [x0, y0, x1, y1] = box;
      const along = v => flat ? x0 + (v - low) / (top - low) * (x1 - x0) : y1 - (v - low) / (top - low) * (y1 - y0);
      const step = (flat ? y1 - y0 : x1 - x0) / set.aus.length;
      for (const tick of ticks(low, top)) {
        const at = along(tick);
        draw(svg, "line", { class: Math.abs(tick) < 1e-9 ? "base" : "axis", ...(flat ? { x1: at, x2: at, y1: y0, y2: y1 } : { x1: x0, x2: x1, y1: at, y2: at }) });
        draw(svg, "text", flat ? { x: at, y: y1 + 16, "text-anchor": "middle" } : { x: x0 - 6, y: at + 4, "text-anchor": "end" }, tick.toFixed(1));
      }
      set.aus.forEach((au, a) => {
        const start = (flat ? y0 : x0) + a * step;
        const middle = start + step / 2;
        const label = draw(svg, "text", flat ? { x: x0 - 6, y: middle + 4, "text-anchor": "end" } : { x: middle, y: y1 + 17, "text-anchor": "middle" }, flat ? au : au.slice(2));
        draw(label, "title", {}, title(au));
        const thick = step * 0.78 / Math.max(1, rows.length);
        rows.forEach(({ row, i }, k) => {
          const [score, ends] = [row.aus[au][place], row.aus[au][place + 1]];
          const from = start + step * 0.11 + k * thick;
          if (score === null) return;
          const group = draw(svg, "g");
          draw(group, "title", {}, `${row.name}, ${title(au)}: ${words} ${fixed(score, 3)}` + (ends ? ` (${fixed(ends[0])} to ${fixed(ends[1])})` : ""));
          const [p, q] = [along(0), along(score)].sort((u, v) => u - v);
          const size = Math.max(1, thick - 1);
          draw(group, "rect", { fill: colour(i), "fill-opacity": .8, ...(flat ? { x: p, y: from, width: Math.max(.5, q - p), height: size } : { x: from, y: p, width: size, height: Math.max(.5, q - p) }) });
          if (ends) {
            const mid = from + size / 2;
            const [e, f] = ends.map(along);
            draw(group, "line", { stroke: "var(--ink)", "stroke-width": 1.2, ...(flat ? { x1: e, x2: f, y1: mid, y2: mid } : { x1: mid, x2: mid, y1: e, y2: f }) });
          }
        });
      });
    }
    return paint;
  }
  function chips(names, state, changed) {
    const set = make("fieldset");
    const row = make("div", { class: "chips" });
    names.forEach((name, i) => {
      const box = make("input", { type: "checkbox" });
      box.checked = state.shown.has(name);
      box.addEventListener("change", () => { state.shown[box.checked ? "add" : "delete"](name); changed(); });
      row.append(make("label", {}, box, make("span", { class: "swatch", style: `background:${colour(i)}` }), name));
    });
    set.append(make("legend", {}, "methods"), row);
    return set;
  }
  function ticks(low, high) {
    const raw = (high - low) / 5;
    const unit = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].map(m => m * unit).find(s => s >= raw);
    const found = [];
    for (let t = Math.ceil(low / step - 1e-9) * step; t <= high + 1e-9; t += step) found.push(Math.abs(t) < 1e-9 ? 0 : t);
    return found;
  }

  // --- one action unit and one video, closely ---
  function explore(part) {
    const set = data.datasets[part.dataset.dataset];
    if (!set.methods.length) { part.remove(); return () => {}; }
    const count = set.aus.length;
    const truth = unpack(set.truth);
    const answers = set.methods.map(method => unpack(method.values));
    const read = (bytes, frame, au) => { const b = bytes[frame * count + au]; return b === 255 ? null : b * set.step; };
    const mean = au => { let sum = 0; for (let f = 0; f < set.frames.length; f++) sum += read(truth, f, au) || 0; return sum; };
    const liveliest = set.aus.map((_, a) => mean(a)).reduce((best, v, a, all) => v > all[best] ? a : best, 0);
    const state = { au: liveliest, video: 0, method: 0, frame: 0, span: 0, shown: new Set(set.methods.map(m => m.name)) };
    const lively = set.videos.map(([, start, size]) => { let s = 0; for (let f = start; f < start + size; f++) s += read(truth, f, state.au) || 0; return s / size; });
    state.video = lively.indexOf(Math.max(...lively));
    const controls = part.querySelector(".controls");
    const choose = (label, names, key) => {
      const pick = make("select");
      names.forEach((name, i) => pick.append(make("option", { value: i }, name)));
      pick.value = state[key];
      pick.addEventListener("change", () => { state[key] = Number(pick.value); if (key === "video") state.frame = 0; paint(); });
      controls.append(make("label", { class: "pick" }, label, pick));
    };
    choose("action unit", set.aus.map(title), "au");
    choose("video", set.videos.map(v => v[0]), "video");
    choose("method (for the plots below)", set.methods.map(m => m.name), "method");
    const longest = Math.max(...set.videos.map(v => v[2]));
    const spans = [0, 1000, 300, 100].filter(n => n < longest);
    if (spans.length > 1) {
      const pick = make("select");
      spans.forEach(n => pick.append(make("option", { value: n }, n ? `${n} frames about the cursor` : "whole video")));
      pick.addEventListener("change", () => { state.span = Number(pick.value); curves(); });
      controls.append(make("label", { class: "pick" }, "shown", pick));
    }
    const legend = chips(set.methods.map(m => m.name), state, () => paint());
    legend.querySelector(".chips").prepend(make("span", {}, make("span", { class: "swatch", style: "background:var(--ink)" }), " truth"));
    controls.append(legend);
    const slider = make("input", { type: "range", min: 0, step: 1, "aria-label": "Frame to read off" });
    const output = make("output", { "aria-live": "polite" });
    part.querySelector(".cursor").append(slider, output);
    slider.addEventListener("input", () => { state.frame = Number(slider.value); curves(); });
    const plots = Object.fromEntries(["curves", "scatter", "bland", "confusion"].map(n => [n, part.querySelector(`.${n} .plot`)]));
    const thinned = set.stride > 1 ? `, every ${set.stride}th frame` : "";

    function curves() {
      const [name, whole, length] = set.videos[state.video];
      const at = Math.min(state.frame, length - 1);
      const size = state.span ? Math.min(state.span, length) : length;
      const skipped = Math.max(0, Math.min(length - size, at - Math.floor(size / 2)));
      const start = whole + skipped;
      const width = Math.max(300, plots.curves.clientWidth || 900);
      const height = width < 620 ? 220 : 260;
      const [x0, y0, x1, y1] = [30, 8, width - 8, height - 24];
      const au = set.aus[state.au];
      const shown = set.methods.map((m, i) => ({ m, i })).filter(({ m }) => state.shown.has(m.name));
      const svg = canvas(plots.curves, width, height, `${title(au)} over time in ${name}: truth, and ${shown.map(s => s.m.name).join(", ")}`);
      const x = f => x0 + (size > 1 ? f / (size - 1) : .5) * (x1 - x0);
      const y = v => y1 - v / 5 * (y1 - y0);
      for (let v = 0; v <= 5; v++) {
        draw(svg, "line", { class: v ? "axis" : "base", x1: x0, x2: x1, y1: y(v), y2: y(v) });
        draw(svg, "text", { x: x0 - 8, y: y(v) + 4, "text-anchor": "end" }, v);
      }
      const frames = set.frames;
      for (const tick of ticks(frames[start], frames[start + size - 1] + 1e-6)) {
        let f = 0;
        while (f < size - 1 && frames[start + f] < tick) f++;
        draw(svg, "text", { x: x(f), y: y1 + 17, "text-anchor": f ? "middle" : "start" }, f ? tick : `frame ${tick}`);
      }
      const path = bytes => {
        let text = "", open = false;
        for (let f = 0; f < size; f++) {
          const v = read(bytes, start + f, state.au);
          if (v === null) { open = false; continue; }
          text += `${open ? "L" : "M"}${x(f).toFixed(1)},${y(v).toFixed(1)}`;
          open = true;
        }
        return text;
      };
      draw(svg, "path", { class: "truth", d: `${path(truth)}` });
      shown.forEach(({ i }) => draw(svg, "path", { class: "curve", stroke: colour(i), d: path(answers[i]) }));
      draw(svg, "line", { class: "base hint", x1: x(at - skipped), x2: x(at - skipped), y1: y0, y2: y1 });
      slider.max = length - 1;
      slider.value = at;
      slider.setAttribute("aria-valuetext", `frame ${frames[whole + at]}`);
      output.textContent = `${name}, frame ${frames[whole + at]}${thinned}: truth ${fixed(read(truth, whole + at, state.au))}`
        + shown.map(({ m, i }) => `; ${m.name} ${fixed(read(answers[i], whole + at, state.au))}`).join("");
      part.querySelector(".curves figcaption").textContent = `${title(au)} over time, ${name} against the truth${thinned}`;
    }
    function points() {
      const found = [];
      for (let f = 0; f < set.frames.length; f++) {
        const [t, p] = [read(truth, f, state.au), read(answers[state.method], f, state.au)];
        if (t !== null && p !== null) found.push([t, p]);
      }
      return found;
    }
    function square(plot, label) {
      const width = Math.max(260, Math.min(460, plot.clientWidth || 340));
      const svg = canvas(plot, width, width * .86, label);
      return [svg, 34, 8, width - 8, width * .86 - 34];
    }
    function dots(svg, places) {
      const opacity = Math.max(.28, Math.min(.65, 900 / Math.max(1, places.length)));
      let d = "";
      for (const [px, py] of places) d += `M${px.toFixed(1)},${py.toFixed(1)}h0`;
      draw(svg, "path", { d, stroke: colour(state.method), "stroke-width": 3.6, "stroke-linecap": "round", "stroke-opacity": opacity, fill: "none" });
    }
    function scatter() {
      const method = set.methods[state.method];
      const [svg, x0, y0, x1, y1] = square(plots.scatter, `Prediction of ${method.name} against truth, ${title(set.aus[state.au])}`);
      const x = v => x0 + v / 5 * (x1 - x0), y = v => y1 - v / 5 * (y1 - y0);
      for (let v = 0; v <= 5; v++) {
        draw(svg, "line", { class: "axis", x1: x(v), x2: x(v), y1: y0, y2: y1 });
        draw(svg, "line", { class: "axis", x1: x0, x2: x1, y1: y(v), y2: y(v) });
        draw(svg, "text", { x: x(v), y: y1 + 15, "text-anchor": "middle" }, v);
        draw(svg, "text", { x: x0 - 6, y: y(v) + 4, "text-anchor": "end" }, v);
      }
      draw(svg, "line", { class: "base hint", x1: x(0), y1: y(0), x2: x(5), y2: y(5) });
      dots(svg, points().map(([t, p]) => [x(t), y(p)]));
      draw(svg, "text", { x: (x0 + x1) / 2, y: y1 + 30, "text-anchor": "middle" }, "truth");
      draw(svg, "text", { x: 10, y: (y0 + y1) / 2, "text-anchor": "middle", transform: `rotate(-90 10 ${(y0 + y1) / 2})` }, "prediction");
    }
    function bland() {
      const method = set.methods[state.method];
      const about = method.aus[set.aus[state.au]];
      const [svg, x0, y0, x1, y1] = square(plots.bland, `Difference against mean, ${method.name}, ${title(set.aus[state.au])}: `
        + `bias ${fixed(about.bias)}, limits of agreement ${about.limits ? about.limits.map(v => fixed(v)).join(" to ") : "–"}`);
      const pairs = points();
      const far = Math.max(2, ...pairs.map(([t, p]) => Math.abs(p - t)), ...(about.limits || []).map(Math.abs)) * 1.05;
      const x = v => x0 + v / 5 * (x1 - x0), y = v => y0 + (far - v) / (2 * far) * (y1 - y0);
      for (let v = 0; v <= 5; v++) {
        draw(svg, "line", { class: "axis", x1: x(v), x2: x(v), y1: y0, y2: y1 });
        draw(svg, "text", { x: x(v), y: y1 + 15, "text-anchor": "middle" }, v);
      }
      for (const t of ticks(-far, far)) {
        draw(svg, "line", { class: t === 0 ? "base" : "axis", x1: x0, x2: x1, y1: y(t), y2: y(t) });
        draw(svg, "text", { x: x0 - 6, y: y(t) + 4, "text-anchor": "end" }, Number.isInteger(t) ? t : t.toFixed(1));
      }
      dots(svg, pairs.map(([t, p]) => [x((t + p) / 2), y(p - t)]));
      if (about.limits) {
        for (const [v, text] of [[about.bias, "bias"], [about.limits[0], "−1.96 s"], [about.limits[1], "+1.96 s"]]) {
          draw(svg, "line", { class: text === "bias" ? "truth" : "base hint", x1: x0, x2: x1, y1: y(v), y2: y(v) });
          draw(svg, "text", { class: "value", x: x1 - 2, y: y(v) - 4, "text-anchor": "end" }, `${text} ${fixed(v)}`);
        }
      }
      draw(svg, "text", { x: (x0 + x1) / 2, y: y1 + 30, "text-anchor": "middle" }, "mean of prediction and truth");
      draw(svg, "text", { x: 10, y: (y0 + y1) / 2, "text-anchor": "middle", transform: `rotate(-90 10 ${(y0 + y1) / 2})` }, "prediction − truth");
    }
    function confusion() {
      const method = set.methods[state.method];
      const counts = method.aus[set.aus[state.au]].confusion;
      const [svg, x0, y0, x1, y1] = square(plots.confusion, `Counts of rounded truth by rounded prediction, ${method.name}, ${title(set.aus[state.au])}`
        + (counts ? ": " + counts.map((row, t) => `truth ${t}: ${row.join(" ")}`).join("; ") : ""));
      if (!counts) return;
      const [w, h] = [(x1 - x0) / 6, (y1 - y0) / 6];
      counts.forEach((row, t) => {
        const total = row.reduce((a, b) => a + b, 0);
        row.forEach((n, p) => {
          const share = total ? n / total : 0;
          const cell = draw(svg, "g");
          draw(cell, "title", {}, `truth ${t}, prediction ${p}: ${n} frames, ${(share * 100).toFixed(0)}% of this truth`);
          draw(cell, "rect", { x: x0 + p * w + 1, y: y0 + t * h + 1, width: w - 2, height: h - 2, rx: 3, fill: colour(state.method), "fill-opacity": (.05 + .75 * share).toFixed(3) });
          draw(cell, "text", { class: n ? "value" : "", x: x0 + (p + .5) * w, y: y0 + (t + .5) * h + 4, "text-anchor": "middle" }, n);
        });
        draw(svg, "text", { x: x0 - 8, y: y0 + (t + .5) * h + 4, "text-anchor": "end" }, t);
        draw(svg, "text", { x: x0 + (t + .5) * w, y: y1 + 15, "text-anchor": "middle" }, t);
      });
      draw(svg, "text", { x: (x0 + x1) / 2, y: y1 + 30, "text-anchor": "middle" }, "prediction (shade: share of the truth's frames)");
      draw(svg, "text", { x: 10, y: (y0 + y1) / 2, "text-anchor": "middle", transform: `rotate(-90 10 ${(y0 + y1) / 2})` }, "truth");
    }
    const said = { scatter: "Prediction against truth", bland: "Bland–Altman: prediction less truth, against their mean", confusion: "Rounded intensities" };
    const paint = () => {
      const method = set.methods[state.method];
      const about = `${set.aus[state.au]}, ${method.name}${method.seed ? ` (seed ${method.seed})` : ""}`;
      for (const [name, words] of Object.entries(said)) part.querySelector(`.${name} figcaption`).replaceChildren(words, make("small", {}, about));
      curves(); scatter(); bland(); confusion();
    };
    return paint;
  }

  const painters = [...[...document.querySelectorAll(".bars")].map(bars), ...[...document.querySelectorAll(".explore")].map(explore)];
  const repaint = () => painters.forEach(paint => paint());
  repaint();
  let waiting = 0;
  window.addEventListener("resize", () => { clearTimeout(waiting); waiting = setTimeout(repaint, 120); });
  window.addEventListener("beforeprint", repaint);
})();
