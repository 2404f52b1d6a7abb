// Small charts as inline SVG, drawn to the width they are given.

import { h, moment, svg } from "./words.js";

/**
 * A line over event time, with the point under the pointer named.
 *
 * at: times; values: numbers or null; least: the smallest span of the scale, so that noise looks small;
 * show: a number as text; width, height: px.
 */
export function spark({ at, values, least, show, label, width, height = 46 }) {
  const known = values.map((value, index) => ({ value, x: at[index] })).filter((one) => one.value !== null);
  const frame = svg("svg", {
    viewBox: `0 0 ${width} ${height}`, width, height, role: "img", class: "spark", "aria-label": label,
  });
  if (known.length < 2) return frame;
  const numbers = known.map((one) => one.value);
  let low = Math.min(...numbers);
  let high = Math.max(...numbers);
  const missing = least - (high - low);
  if (missing > 0) {
    low -= missing / 2;
    high += missing / 2;
  }
  const pad = 4;
  const first = at[0];
  const length = at[at.length - 1] - first || 1;
  const x = (time) => pad + ((time - first) / length) * (width - 2 * pad);
  const y = (value) => height - pad - ((value - low) / (high - low || 1)) * (height - 2 * pad);
  let line = "";
  let pen = false;
  values.forEach((value, index) => {
    if (value === null) {
      pen = false;
      return;
    }
    line += `${pen ? "L" : "M"}${x(at[index]).toFixed(1)} ${y(value).toFixed(1)}`;
    pen = true;
  });
  const last = known[known.length - 1];
  if (values.every((value) => value !== null)) {
    const area = `${line}L${x(last.x).toFixed(1)} ${height}L${x(known[0].x).toFixed(1)} ${height}Z`;
    frame.append(svg("path", { d: area, class: "spark-area" }));
  }
  const dot = svg("circle", { cx: x(last.x), cy: y(last.value), r: 3, class: "spark-dot" });
  frame.append(svg("path", { d: line, class: "spark-line" }), dot);
  const hint = svg("text", { y: 9, class: "spark-hint", "aria-hidden": "true" });
  frame.append(hint);
  frame.addEventListener("pointermove", (event) => {
    const wanted = first + ((event.offsetX - pad) / (width - 2 * pad)) * length;
    const near = known.reduce((best, one) => (Math.abs(one.x - wanted) < Math.abs(best.x - wanted) ? one : best));
    dot.setAttribute("cx", x(near.x));
    dot.setAttribute("cy", y(near.value));
    hint.textContent = `${show(near.value)} · ${moment(near.x)}`;
    const left = x(near.x) < width / 2;
    hint.setAttribute("x", left ? width - 1 : 1);
    hint.setAttribute("text-anchor", left ? "end" : "start");
  });
  frame.addEventListener("pointerleave", () => {
    dot.setAttribute("cx", x(last.x));
    dot.setAttribute("cy", y(last.value));
    hint.textContent = "";
  });
  return frame;
}

/** Shares of a whole side by side. parts: [class, share, label] */
export function shares(parts) {
  const bar = h("div", { class: "shares", "aria-hidden": "true" });
  for (const [name, share] of parts) {
    const part = h("span", { class: name });
    part.style.flexGrow = String(Math.max(0, share));
    bar.append(part);
  }
  return bar;
}

/** A bar from the middle of a scale (low, middle, high) to a value; one with a margin shows it as a whisker. */
export function bar({ value, low, middle, high, margin = null }) {
  const place = (number) => ((Math.min(high, Math.max(low, number)) - low) / (high - low)) * 100;
  const track = h("div", { class: `track ${value < middle ? "below" : "above"}`, "aria-hidden": "true" });
  const fill = h("span", { class: "fill" });
  fill.style.left = `${Math.min(place(value), place(middle))}%`;
  fill.style.width = `${Math.abs(place(value) - place(middle))}%`;
  track.append(fill);
  if (middle > low) {
    const axis = h("span", { class: "axis" });
    axis.style.left = `${place(middle)}%`;
    track.append(axis);
  }
  if (margin !== null && margin > 0) {
    const whisker = h("span", { class: "whisker" });
    whisker.style.left = `${place(value - margin)}%`;
    whisker.style.width = `${place(value + margin) - place(value - margin)}%`;
    track.append(whisker);
  }
  return track;
}

/** Stacked columns, one a pane. layers: [class, counts], the first at the bottom; tell: what is said of a column. */
export function columns({ layers, width, height, label, tell = null, say = null }) {
  const size = layers[0]?.[1].length ?? 0;
  const sums = Array.from({ length: size }, (_, index) => layers.reduce((sum, [, counts]) => sum + counts[index], 0));
  const most = Math.max(1, ...sums);
  const step = width / Math.max(1, size);
  const frame = svg("svg", {
    viewBox: `0 0 ${width} ${height}`, width, height, role: "img", class: "columns", "aria-label": label,
  });
  for (let index = 0; index < size; index += 1) {
    let top = height;
    for (const [name, counts] of layers) {
      if (!counts[index]) continue;
      const tall = Math.max(1, (counts[index] / most) * (height - 2));
      top -= tall;
      frame.append(svg("rect", {
        x: (index * step + step * 0.12).toFixed(2), y: top.toFixed(2), width: (step * 0.76).toFixed(2),
        height: Math.max(0.8, tall - 0.6).toFixed(2), rx: Math.min(1.5, step / 6).toFixed(2), class: name,
      }));
    }
    if (sums[index] === 0) {
      frame.append(svg("rect", {
        x: (index * step + step * 0.12).toFixed(2), y: height - 1, width: (step * 0.76).toFixed(2), height: 1,
        class: "nothing",
      }));
    }
  }
  if (tell && say) {
    frame.addEventListener("pointermove", (event) => {
      const index = Math.min(size - 1, Math.max(0, Math.floor(event.offsetX / step)));
      say(tell(index));
    });
    frame.addEventListener("pointerleave", () => say(null));
  }
  return frame;
}
