// Alerts, follow-ups and partitions: tables that keep the rows that did not change.

import { columns } from "./charts.js";
import { count, h, moment, readable, several, severity, span, time, whyOver } from "./words.js";

const byId = (id) => document.getElementById(id);
/** Rows before `Show more`; fewer where they are read on a phone. */
const few = () => (matchMedia("(max-width: 680px)").matches ? 6 : 12);
const opened = new Set();

/** Bring a table body in line with items; rows whose item is the same stay as they are. flash: show what is new. */
function sync(body, items, key, build, flash = true) {
  const begins = body.rowsByKey === undefined;
  const known = body.rowsByKey ?? new Map();
  const next = new Map();
  if (begins || body.seen.size > 5_000) body.seen = new Set();
  let cursor = body.firstChild;
  for (const item of items) {
    const name = key(item);
    const text = JSON.stringify(item);
    let entry = known.get(name);
    if (!entry || entry.text !== text) {
      const row = build(item);
      if (flash && !begins && !body.seen.has(text)) row.classList.add("fresh");
      if (entry) {
        if (entry.row === cursor) cursor = cursor.nextSibling;
        entry.row.remove();
      }
      entry = { text, row };
    }
    next.set(name, entry);
    if (flash) body.seen.add(text);
    if (entry.row === cursor) cursor = cursor.nextSibling;
    else body.insertBefore(entry.row, cursor);
  }
  for (const [name, entry] of known) if (!next.has(name)) entry.row.remove();
  body.rowsByKey = next;
}

/** A table with these columns inside `place`, made once. names: [name, class, title] */
function table(place, kind, names) {
  let found = place.querySelector(`table.${kind}`);
  if (!found) {
    const head = h("tr", { role: "row" }, ...names.map(([name, cls, title]) =>
      h("th", { scope: "col", role: "columnheader", class: cls, title }, name)));
    found = h("table", { role: "table", class: `list ${kind}` },
      h("thead", { role: "rowgroup" }, head), h("tbody", { role: "rowgroup" }));
    place.replaceChildren(found);
  }
  return found.tBodies[0];
}

const cell = (label, ...children) => h("td", { role: "cell", "data-label": label }, ...children);

function empty(place, text) {
  place.replaceChildren(h("p", { class: "empty" }, text));
}

/** A button that shows what is left out, and a line on what even then is. leftOut: its text, or null. */
function more(place, name, shown, all, leftOut, redraw) {
  place.querySelector("p.left-out")?.remove();
  if (leftOut !== null) place.append(h("p", { class: "more left-out" }, leftOut));
  let button = place.querySelector("button.more");
  if (all <= few()) {
    button?.remove();
    return;
  }
  if (!button) {
    button = h("button", { class: "more", type: "button" });
    place.querySelector("table").after(button);
  }
  button.textContent = opened.has(name) ? "Show fewer" : `Show ${count(all - shown)} more`;
  button.setAttribute("aria-expanded", String(opened.has(name)));
  button.onclick = () => {
    if (!opened.delete(name)) opened.add(name);
    redraw();
  };
}

const ACTIVITY = { nps_answers: "NPS answers", reviews: "Reviews", first_replies: "First replies to contacts" };
const total = (counts) => counts.reduce((sum, one) => sum + one, 0);

export function drawRhythm(rhythm) {
  const body = byId("rhythm-body");
  const hours = rhythm.by_severity.critical.length;
  const layers = Object.entries(rhythm.by_severity);
  const fired = layers.reduce((sum, [, counts]) => sum + total(counts), 0);
  const active = Object.values(rhythm.activity).some((counts) => counts.some(Boolean));
  byId("rhythm-aside").textContent = `the last ${hours} h`;
  if (fired === 0 && !active) {
    empty(body, `Nothing was counted and no alert fired in the last ${hours} hours of event time, as far as this worker has read.`);
    return;
  }
  const end = (index) => rhythm.until - (hours - 1 - index) * rhythm.pane;
  const usual = `${several(fired, "alert")} fired`;
  const told = h("p", { class: "told" }, usual);
  const tell = (index) => {
    const what = layers.filter(([, counts]) => counts[index]).map(([name, counts]) => `${counts[index]} ${name}`).join(", ");
    return `${moment(end(index) - rhythm.pane)} to ${moment(end(index)).slice(-5)}: ${what || "none"}`;
  };
  const chart = columns({
    layers, width: Math.max(160, body.clientWidth - 34), height: 92, tell,
    label: `${usual} in ${hours} hours up to ${moment(rhythm.until)}`, say: (text) => { told.textContent = text ?? usual; },
  });
  const row = (name, counts, kind) => h("li", {},
    h("span", { class: "name", title: name }, name),
    columns({ layers: [[kind, counts.map((one) => Math.max(0, one))]], width: 144, height: 16, label: `${name} per hour` }),
    h("b", {}, count(total(counts))));
  const shown = rhythm.rules.slice(0, 6);
  const hidden = rhythm.rules.length - shown.length + rhythm.more_rules;
  body.replaceChildren(
    h("div", { class: "row" }, told, h("ul", { class: "legend" }, ...layers.map(([name]) => h("li", {}, severity(name))))),
    chart,
    h("p", { class: "ends" }, h("span", {}, moment(end(0) - rhythm.pane)), h("span", {}, moment(end(hours - 1)))),
    h("ol", { class: "rules" }, ...shown.map(({ rule, counts }) => row(rule, counts, "rule"))),
    ...(hidden ? [h("p", { class: "more" }, `and ${several(hidden, "more rule")}`)] : []),
    h("ol", { class: "rules" }, ...Object.entries(rhythm.activity).map(([name, counts]) => row(ACTIVITY[name] ?? name, counts, "activity"))),
  );
}

export function drawAlerts(alerts, show) {
  const body = byId("alerts-body");
  const redraw = () => drawAlerts(alerts, show);
  byId("alerts-aside").textContent = alerts.known === 0 ? "" : `${count(alerts.listed)} standing of the newest ${count(alerts.known)}`;
  const all = show === "all";
  const wanted = all ? alerts.newest.slice(0, alerts.most) : alerts.newest.filter(stands).slice(0, alerts.most);
  if (wanted.length === 0) {
    empty(body, alerts.known === 0
      ? "No alert has fired since this worker began to read. Rules act when their event, or its absence, comes."
      : "No alert stands: each of the newest ones was resolved or retracted.");
    return;
  }
  const rows = table(body, "alerts", [["Time"], ["Severity"], ["What"], ["About"], ["State"]]);
  const shown = opened.has("alerts") ? wanted : wanted.slice(0, few());
  sync(rows, shown, (one) => one.id, drawAlert);
  const of = all ? alerts.known : Math.max(alerts.standing, alerts.listed);
  const these = all ? `${count(of)} that are kept here` : `${alerts.at_least ? "at least " : ""}${count(of)} that stand`;
  more(body, "alerts", shown.length, wanted.length, of > wanted.length ? `the newest ${count(wanted.length)} of ${these}` : null, redraw);
}

const stands = (one) => !one.shadow && (one.state === "fired" || one.state === "escalated");

/** A moment beside another one: the day only where it is another day. */
function briefly(at, beside) {
  const [text, other] = [moment(at), moment(beside)];
  return text.slice(0, -5) === other.slice(0, -5) ? text.slice(-5) : text;
}

function drawAlert(one) {
  const standing = stands(one);
  const state = [h("span", { class: `state ${one.state}` }, one.state)];
  if (one.state === "escalated" && one.to) state.push(h("small", {}, `to ${one.to}`));
  if (one.shadow) state.push(h("small", {}, "a trial, nobody acts on it"));
  if (one.code) state.push(h("small", {}, whyOver(one.code)));
  const began = !standing && one.fired !== null ? [h("small", {}, `fired ${briefly(one.fired, one.changed)}`)] : [];
  const why = [...one.reasons, ...one.outcome];
  const about = one.customer !== null && one.customer !== one.key ? [h("small", {}, one.customer)] : [];
  return h("tr", { role: "row", class: standing ? null : "over" },
    cell("Time", time(one.changed), ...began),
    cell("Severity", severity(one.severity)),
    cell("What", h("span", { class: "title" }, one.title || one.rule),
      ...(one.fired === null ? [h("small", { class: "reason" }, "fired before what is kept here; why is not known here")] : []),
      ...why.map((text) => h("small", { class: "reason" }, ...readable(text))),
      ...(one.held ? [h("small", { class: "reason" }, `${several(one.held, "more match", "more matches")} held`)] : [])),
    cell("About", h("span", { class: "key" }, one.key), ...about),
    cell("State", ...state),
  );
}

export function drawFollowUps(followups) {
  const body = byId("followups-body");
  const aside = byId("followups-aside");
  aside.replaceChildren();
  if (followups.open || followups.closed) {
    aside.append(`${count(followups.open)} open`);
    if (followups.overdue) aside.append(", ", h("b", { class: "bad" }, `${count(followups.overdue)} overdue`));
    aside.append(`, ${count(followups.closed)} closed in the last 24 h`);
  }
  if (followups.forgotten) aside.append(`; ${count(followups.forgotten)} further ones are not shown here for want of room`);
  if (followups.rows.length === 0) {
    empty(body, "Nobody waits for a follow-up. Rules with a follow_up open one together with their alert.");
    return;
  }
  const rows = table(body, "followups", [["Due"], ["Customer"], ["Team"], ["Priority"], ["Why"], ["Status"]]);
  const shown = opened.has("followups") ? followups.rows : followups.rows.slice(0, few());
  sync(rows, shown, (one) => one.id, drawFollowUp);
  const given = followups.rows.length;
  const leftOut = followups.open > given ? `the ${count(given)} most urgent of ${count(followups.open)}` : null;
  more(body, "followups", shown.length, given, leftOut, () => drawFollowUps(followups));
  let teams = body.querySelector(".teams");
  if (!teams) {
    teams = h("ul", { class: "teams" });
    body.prepend(teams);
  }
  teams.replaceChildren(...followups.teams.map((team) => h("li", { class: team.overdue ? "late" : null },
    h("b", {}, team.team), ` ${count(team.open)} open`, ...(team.overdue ? [h("em", {}, `${count(team.overdue)} overdue`)] : []))));
}

function drawFollowUp(one) {
  const due = one.due === null
    ? ["no deadline"]
    : [h("span", { class: "due", "data-due": one.overdue || one.status === "open" || one.status === "assigned" ? one.due : null }, moment(one.due)),
      h("small", {}, time(one.due))];
  return h("tr", { role: "row", class: one.overdue ? "overdue" : null },
    cell("Due", ...due),
    cell("Customer", h("span", { class: "key" }, one.customer)),
    cell("Team", one.team),
    cell("Priority", h("span", { class: `priority ${one.priority}` }, one.priority)),
    cell("Why", ...(one.reasons.length ? one.reasons : [one.rule]).map((text) => h("span", { class: "reason" }, ...readable(text))),
      ...one.messages.map((text) => h("small", { class: "message" }, ...readable(text)))),
    cell("Status", h("span", { class: `state ${one.status}` }, one.status), ...(one.agent ? [h("small", {}, one.agent)] : [])),
  );
}

export function drawPartitions(partitions) {
  const body = byId("partitions-body");
  if (partitions.length === 0) {
    empty(body, "This worker holds no partition. The group gives it some when it joins, or other workers hold them all.");
    return;
  }
  const names = [
    ["Partition"], ["State"],
    ["Next", "number", "The offset of the next record to apply: all before it are applied"],
    ["End", "number", "The offset behind the last record"],
    ["To go", "number", "Offsets from Next to End: records, and the markers of transactions among them"],
    ["Watermark"], ["Last step", "number"],
  ];
  const rows = table(body, "partitions", names);
  const number = (label, text) => h("td", { role: "cell", class: "number", "data-label": label }, text);
  sync(rows, partitions, (one) => `${one.topic}/${one.partition}`, (one) => h("tr", { role: "row" },
    h("th", { scope: "row", role: "rowheader" }, `${one.topic}/${one.partition}`),
    cell("State", h("span", { class: `state ${one.state}` }, one.state),
      ...(["restoring", "rebuilding"].includes(one.state) && one.to_restore ? [h("small", {}, `${count(one.restored)} of ${count(one.to_restore)}`)] : []),
      ...(one.lost ? [h("small", { class: "bad" }, `${several(one.lost, "record")} lost`)] : [])),
    number("Next", count(one.next)),
    number("End", count(one.end)),
    number("To go", count(one.lag)),
    cell("Watermark", one.watermark === null ? "none yet" : time(one.watermark)),
    number("Last step", one.idle < 2 ? "now" : `${span(one.idle)} ago`),
  ), false);
}
