// The tiles, and where customers are how content.

import { bar, shares, spark } from "./charts.js";
import { MINUS, count, fixed, h, moment, percent, several, signed, span } from "./words.js";

const byId = (id) => document.getElementById(id);
const NO_SURVEY = "No survey answered in this window yet.";
const NO_REVIEW = "No review posted in this window yet.";
const NO_REPLY = "No agent replied to a contact in this window yet.";

const NONE_YET = "No metric yet. Numbers appear when an answer, review or reply has come in and every partition has passed the end of a 5-minute pane.";
const TAKING_OVER = "This worker takes over the metrics. They appear as soon as metrics/0 is restored.";
const ELSEWHERE = "Another worker keeps the metrics: the one that holds metrics/0. Its page shows them.";

/** least: the smallest span of the curve's scale; step: digits of a change; better: the direction that is good. */
const TILES = [
  { id: "nps", name: "Net promoter score (NPS)", show: (x) => signed(x), step: 1, least: 10, better: 1, of: "answer", none: NO_SURVEY },
  { id: "csat", name: "Satisfaction (CSAT)", show: (x) => fixed(x, 2), unit: "of 5", step: 2, least: 0.5, better: 1, of: "answer", none: NO_SURVEY },
  { id: "ces", name: "Effort (CES)", show: (x) => fixed(x, 2), unit: "of 7", step: 2, least: 0.5, better: 1, of: "answer", none: NO_SURVEY },
  { id: "review_rating", name: "Review rating", show: (x) => fixed(x, 2), unit: "of 5", step: 2, least: 0.5, better: 1, of: "review", none: NO_REVIEW },
  { id: "review_response", name: "Reviews answered", show: percent, change: (x) => `${signed(x * 100, 1)} pt`, step: 3, least: 0.1, better: 1, of: "review", none: NO_REVIEW },
  { id: "first_response_mean", name: "First response, mean", show: span, change: lapse, step: 0, least: 600, better: -1, of: "contact", none: NO_REPLY },
  { id: "first_response_p90", name: "First response, p90", show: span, change: lapse, step: 0, least: 1200, better: -1, of: "contact", none: NO_REPLY },
];

function lapse(seconds) {
  return `${seconds < 0 ? MINUS : "+"}${span(seconds)}`;
}

export function drawMetrics(metrics, window, partitions) {
  const tiles = byId("tiles");
  const view = metrics.windows[window];
  byId("metrics-at").textContent = view ? `judged up to ${moment(view.at)}` : "";
  if (metrics.here && view) {
    const kept = TILES.filter((tile) => !metrics.left_out.includes(tile.id));
    tiles.replaceChildren(...kept.map((tile) => drawTile(tile, view)));
    // Curves are drawn to the width that their tile has got.
    kept.forEach((tile, index) => drawCurve(tile, view, tiles.children[index]));
    return;
  }
  const why = metrics.trouble ?? (metrics.here ? NONE_YET : partitions?.some((one) => one.topic === "metrics") ? TAKING_OVER : ELSEWHERE);
  tiles.replaceChildren(h("p", { class: metrics.trouble ? "empty trouble" : "empty" }, why));
}

function drawTile(tile, view) {
  const found = view.total[tile.id];
  const card = h("article", { class: `tile ${tile.id}`, "aria-label": tile.name });
  card.append(h("h3", {}, tile.name));
  if (!found || found[1] === 0) {
    card.classList.add("without");
    card.append(h("p", { class: "value" }, "–"), h("p", { class: "none" }, tile.none));
    return card;
  }
  const [result, samples] = found;
  card.append(
    h("p", { class: "value" }, tile.show(result), ...(tile.unit ? [h("small", {}, ` ${tile.unit}`)] : [])),
    h("p", { class: "rests" }, ...restsOn(tile, view, samples)),
  );
  if (tile.id === "nps") card.append(...drawShares(view));
  card.append(h("div", { class: "curve" }), h("p", { class: "change" }));
  return card;
}

function restsOn(tile, view, samples) {
  const text = several(samples, tile.of);
  if (tile.id === "nps" && view.margin !== null) {
    return [h("span", { title: "95 % confidence interval" }, `± ${fixed(view.margin, 1)}`), ` · ${text}`];
  }
  if (tile.id === "csat" && view.total.csat_satisfied) {
    return [`${percent(view.total.csat_satisfied[0])} satisfied · ${text}`];
  }
  return [text];
}

function drawShares(view) {
  const parts = [["promoters", "Promoters"], ["passives", "Passives"], ["detractors", "Detractors"]]
    .map(([name, label]) => [name, view.total[`nps_${name}`]?.[0] ?? 0, label]);
  return [
    shares(parts),
    h("ul", { class: "legend" }, ...parts.map(([name, share, label]) =>
      h("li", { class: name }, h("b", {}, percent(share)), ` ${label.toLowerCase()}`))),
  ];
}

function drawCurve(tile, view, card) {
  const place = card.querySelector(".curve");
  if (!place) return;
  const values = view.curve.values[tile.id] ?? [];
  const first = values.findIndex((value) => value !== null);
  const change = card.querySelector(".change");
  if (first < 0 || view.curve.at.length - first < 2) {
    change.textContent = "The curve begins with the next pane.";
    return;
  }
  const since = view.curve.at[first];
  const last = values[values.length - 1];
  const moved = last === null ? 0 : last - values[first];
  const unmoved = Number(moved.toFixed(tile.step)) === 0;
  place.append(spark({
    at: view.curve.at, values, least: tile.least, show: tile.show, width: Math.max(80, place.clientWidth),
    height: tile.id === "nps" ? 92 : 46,
    label: `${tile.name} from ${tile.show(values[first])} at ${moment(since)} to ${tile.show(last ?? 0)} at ${moment(view.at)}`,
  }));
  const text = unmoved ? "unchanged" : (tile.change ?? ((x) => signed(x, tile.step)))(moved);
  const kind = unmoved ? "" : moved * tile.better > 0 ? "good" : "bad";
  const arrow = unmoved ? "" : moved > 0 ? "▲ " : "▼ ";
  change.append(h("b", { class: kind }, `${arrow}${text}`), ` since ${moment(since)}`);
}

export function drawPlaces(places, metrics, window, by) {
  const body = byId("places-body");
  const view = places[window]?.[by];
  if (!view || view.rows.length === 0) {
    const why = metrics && !metrics.here ? "The metrics are not here (see above)." : `No answer that names a ${by} in this window yet.`;
    body.replaceChildren(h("p", { class: "empty" }, why));
    return;
  }
  const cell = (...children) => h("td", { role: "cell" }, ...children);
  const ranks = view.by.toUpperCase();
  const head = h("tr", { role: "row" }, ...[["", by], ["", "NPS"], ["", "CSAT"], ["number", `${ranks} answers`]].map(([kind, name]) =>
    h("th", { scope: "col", role: "columnheader", class: kind }, name.charAt(0).toUpperCase() + name.slice(1))));
  const draw = (row) => h("tr", { role: "row", class: row.few ? "few" : null },
    h("th", { scope: "row", role: "rowheader", title: row.value }, row.value),
    row.nps === null ? cell("–") : cell(h("div", { class: "measure" },
      bar({ value: row.nps, low: -100, middle: 0, high: 100, margin: row.margin }),
      h("b", { title: `${row.margin === null ? "" : `± ${fixed(row.margin, 1)} (95 %) · `}${several(row.nps_answers, "answer")}` }, signed(row.nps)))),
    row.csat === null ? cell("–") : cell(h("div", { class: "measure" },
      bar({ value: row.csat, low: 1, middle: 1, high: 5 }), h("b", { title: several(row.csat_answers, "answer") }, fixed(row.csat, 2)))),
    h("td", { role: "cell", class: "number" }, count(row[`${view.by}_answers`])),
  );
  const rows = view.rows.filter((row) => !row.few).map(draw);
  const rare = view.rows.filter((row) => row.few).map(draw);
  if (rare.length) {
    const why = h("th", { scope: "colgroup", role: "cell", colspan: 4 }, `Fewer than ${view.enough} ${ranks} answers: shown, not ranked`);
    rows.push(h("tr", { role: "row", class: "below-few" }, why), ...rare);
  }
  const table = h("table", { role: "table", class: "places" },
    h("thead", { role: "rowgroup" }, head), h("tbody", { role: "rowgroup" }, ...rows));
  body.replaceChildren(table);
  if (view.more) body.append(h("p", { class: "more" }, `and ${several(view.more, "more value")}`));
}
