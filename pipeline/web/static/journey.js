// The map of the journey: the curve of emotion along it, and how it is at each touchpoint.

import { count, fixed, h, percent, several, signed, span, svg } from "./words.js";

const byId = (id) => document.getElementById(id);
/** With fewer customers or answers a figure is not worth a judgement. */
const ENOUGH = 10;
const LOW = -2;
const HIGH = 2;
const SHOWN = { points: (x) => signed(x), ratio: percent, score: (x) => fixed(x, 2), seconds: span, number: count };
/** A number of a metric as text. */
export const inUnit = (value, unit) => SHOWN[unit](value);

export function drawJourney(journey, metrics, window) {
  const curve = byId("journey-curve");
  const map = byId("journey-map");
  byId("journey-name").textContent = journey.name === "none" ? "" : `model: ${journey.name}`;
  const view = journey.windows[window];
  if (!view || journey.stages.length === 0) {
    const why = journey.stages.length === 0 ? "No journey model is set (CXLOOP_JOURNEY)."
      : metrics && !metrics.here ? "The metrics are not here (see above)." : "Nobody has visited a touchpoint in this window yet.";
    curve.replaceChildren();
    map.replaceChildren(h("p", { class: "empty" }, why));
    return;
  }
  map.replaceChildren(...journey.stages.map((stage) => drawStage(stage, view)), ...drawUnknown(view));
  curve.replaceChildren(drawCurve(journey, view, Math.max(320, curve.clientWidth)));
}

/** Where customers are glad and where they are not, in the order in which they go. */
function drawCurve(journey, view, width) {
  const height = 190;
  const [left, right, top, bottom] = [34, 10, 30, 26];
  const points = view.touchpoints.map((one) => ({ ...one, emotion: one.scores.emotion }));
  const known = points.filter((one) => one.emotion !== null);
  const step = (width - left - right) / Math.max(1, points.length);
  const x = (index) => left + (index + 0.5) * step;
  const y = (value) => top + ((HIGH - value) / (HIGH - LOW)) * (height - top - bottom);
  const worst = known.reduce((least, one) => (least === null || one.emotion < least.emotion ? one : least), null);
  const best = known.reduce((most, one) => (most === null || one.emotion > most.emotion ? one : most), null);
  const label = worst === null ? "No visit says how it felt"
    : `Emotion along the journey, from ${signed(worst.emotion, 1)} at ${worst.touchpoint} to ${signed(best.emotion, 1)} at ${best.touchpoint}`;
  const frame = svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", class: "emotion", "aria-label": label });
  let begin = 0;
  journey.stages.forEach(({ stage }, number) => {
    const size = points.filter((one) => one.stage === stage).length;
    if (!size) return;
    frame.append(
      svg("rect", { x: left + begin * step, y: top - 6, width: size * step, height: height - top - bottom + 12, class: number % 2 ? "band odd" : "band" }),
      svg("text", { x: left + (begin + size / 2) * step, y: 14, class: "stage", "text-anchor": "middle" }, short(stage, size * step)),
    );
    begin += size;
  });
  for (const [value, word] of [[HIGH, "+2"], [0, "0"], [LOW, "−2"]]) {
    frame.append(
      svg("line", { x1: left, x2: width - right, y1: y(value), y2: y(value), class: value ? "grid" : "grid middle" }),
      svg("text", { x: left - 8, y: y(value) + 4, class: "scale", "text-anchor": "end" }, word),
    );
  }
  let line = "";
  points.forEach((one, index) => {
    if (one.emotion !== null) line += `${line ? "L" : "M"}${x(index).toFixed(1)} ${y(one.emotion).toFixed(1)}`;
  });
  frame.append(svg("path", { d: line, class: "way" }));
  points.forEach((one, index) => {
    if (one.emotion === null) return;
    const [at, up] = [x(index), y(one.emotion)];
    const kind = one.emotion < 0 ? "point below" : "point";
    const mark = one.essential
      ? svg("path", { d: `M${at} ${up - 7}l7 7-7 7-7-7z`, class: kind })
      : svg("circle", { cx: at, cy: up, r: 4.5, class: kind });
    mark.append(svg("title", {}, `${one.touchpoint}: ${signed(one.emotion, 1)}, ${several(one.samples.emotion, "visit")} that say how it felt`));
    frame.append(mark);
  });
  for (const one of new Set([worst, best])) {
    if (one === null) continue;
    const index = points.findIndex((other) => other.touchpoint === one.touchpoint);
    const anchor = x(index) < 90 ? "start" : x(index) > width - 90 ? "end" : "middle";
    frame.append(svg("text", { x: x(index), y: y(one.emotion) + (one === worst ? 20 : -11), class: "named", "text-anchor": anchor }, one.touchpoint));
  }
  return frame;
}

const short = (text, room) => (text.length * 6.6 > room ? `${text.slice(0, Math.max(1, Math.floor(room / 6.6) - 1))}…` : text);

function drawStage({ stage, part }, view) {
  const known = view.stages[stage];
  const rows = view.touchpoints.filter((one) => one.stage === stage);
  const passed = known.conversion === null ? null
    : h("p", { class: "passed", title: `${several(known.reached, "customer")} came to this stage in the window; each counts once in 28 days` },
      ...drawConversion(known));
  return h("article", { class: "stage" },
    h("h3", {}, stage, ...(part ? [h("small", {}, ` ${part}`)] : [])),
    ...(passed ? [passed] : []),
    ...(known.targets.length ? [h("ul", { class: "targets" }, ...known.targets.map(drawTarget))] : []),
    h("ul", { class: "touchpoints" }, ...rows.map(drawTouchpoint)));
}

/** The share of those who came that go on; of few only how many came. */
function drawConversion({ conversion, reached }) {
  const came = several(reached, "customer");
  return reached < ENOUGH ? [`${came} came: too few to say how many go on`] : [`${percent(conversion)} go on to the next`, ` · ${came}`];
}

function drawTarget(one) {
  const wanted = `${one.better < 0 ? "at most" : "at least"} ${inUnit(one.target, one.unit)}`;
  if (one.value === null) return h("li", { class: "unknown" }, h("b", {}, "–"), ` ${one.title}: ${wanted}`);
  return h("li", { class: one.met ? "met" : "missed" },
    h("b", {}, one.met ? "✓" : "✗"), ` ${one.title} ${inUnit(one.value, one.unit)}, ${wanted}`);
}

function drawTouchpoint(one) {
  const { emotion, nps, csat, visits, last_step_lost: lost } = one.scores;
  const enough = one.samples.nps >= ENOUGH;
  const hated = enough && nps < 0;
  const sad = emotion !== null && emotion < 0;
  const facts = [
    nps === null ? null : h("span", { class: hated ? "bad" : enough ? null : "few", title: several(one.samples.nps, "answer") }, `NPS ${signed(nps)}`),
    nps === null && csat !== null ? h("span", { title: several(one.samples.csat, "answer") }, `CSAT ${fixed(csat, 1)}`) : null,
    visits === null ? null : h("span", {}, several(visits, "visit")),
    lost === null ? null : h("span", {}, `${percent(lost)} do not buy`),
  ].filter(Boolean);
  return h("li", { class: sad || hated ? "unhappy" : null },
    h("span", { class: "name", title: one.touchpoint },
      ...(one.essential ? [h("abbr", { title: "A moment of truth: it must always be positive" }, "◆ ")] : []), one.touchpoint),
    h("b", { class: sad ? "feel bad" : "feel" }, emotion === null ? "" : signed(emotion, 1)),
    h("small", {}, ...(facts.length ? facts : ["nothing in this window"])));
}

function drawUnknown(view) {
  if (!view.unknown.length) return [];
  return [h("article", { class: "stage elsewhere" },
    h("h3", {}, "in no stage"),
    h("p", { class: "passed" }, "Events name these touchpoints, the model does not."),
    h("ul", { class: "touchpoints" }, ...view.unknown.map(drawTouchpoint)),
    ...(view.more_unknown ? [h("p", { class: "passed" }, `and ${several(view.more_unknown, "more touchpoint")}`)] : []))];
}
