// The page: listens to /events, and shows what it hears; or says that it hears nothing.

import { drawAlerts, drawFollowUps, drawPartitions, drawRhythm } from "./lists.js";
import { drawCatalogue } from "./catalogue.js";
import { drawJourney } from "./journey.js";
import { drawMetrics, drawPlaces } from "./metrics.js";
import { columns } from "./charts.js";
import { about, away, count, fixed, fullMoment, h, moment, several, span } from "./words.js";

const byId = (id) => document.getElementById(id);

/** What the server said last, section by section. */
const said = { catalogue: null, head: null, metrics: null, places: null, journey: null, rhythm: null, alerts: null, followups: null, partitions: null };

/** What the reader chose; kept in the address, so that a view can be shared. */
const chosen = { window: "24h", by: "touchpoint", show: "all" };
const CHOICES = {
  window: ["windows", [["24h", "24 h"], ["7d", "7 days"], ["28d", "28 days"]]],
  by: ["dimensions", [["touchpoint", "Touchpoint"], ["channel", "Channel"], ["stage", "Stage"], ["segment", "Segment"], ["platform", "Platform"], ["team", "Team"]]],
  show: ["filters", [["all", "All"], ["standing", "Standing"]]],
};
const WORDS = { healthy: "Healthy", behind: "Behind", restoring: "Restoring", waiting: "Waiting", stuck: "Stuck" };
const SILENCE_MS = 5_000;

const drawers = {
  head: drawHead,
  metrics: () => {
    offerWindows(Object.keys(said.metrics.windows));
    drawMetrics(said.metrics, chosen.window, said.partitions);
    drawCatalogue(said.catalogue, said.metrics, chosen.window);
  },
  journey: () => drawJourney(said.journey, said.metrics, chosen.window),
  places: () => drawPlaces(said.places, said.metrics, chosen.window, chosen.by),
  rhythm: () => drawRhythm(said.rhythm),
  alerts: () => {
    drawAlerts(said.alerts, chosen.show);
    drawGlance();
  },
  followups: () => {
    drawFollowUps(said.followups);
    drawGlance();
  },
  partitions: () => drawPartitions(said.partitions),
};

let heard = null;
let lost = false;

function listen() {
  const source = new EventSource("/events");
  source.onmessage = (message) => {
    const first = heard === null;
    heard = Date.now();
    const news = JSON.parse(message.data);
    Object.assign(said, news);
    if (lost || first) {
      lost = false;
      showLink();
    }
    for (const name of Object.keys(news)) draw(name);
    if ("metrics" in news) ["places", "journey"].filter((name) => !(name in news)).forEach(draw);
    tellTime();
  };
  source.onerror = () => {
    // A connection that was refused is not tried again by itself.
    if (source.readyState === EventSource.CLOSED) setTimeout(listen, 3_000);
    if (heard !== null && Date.now() - heard > 1_500) loseLink();
  };
}

function draw(name) {
  if (said[name] !== null && name in drawers) drawers[name]();
}

function drawHead() {
  if (lost) return;
  const head = said.head;
  byId("truth").dataset.state = head.state;
  say(byId("sentence"), head.sentence);
  const unread = Object.entries(head.malformed).filter(([, number]) => number > 0);
  const old = head.behind === null ? [] : [`What is listed below is ${span(head.behind)} old: events come first, and this worker has many to take.`];
  sayReasons([...head.reasons, ...old, ...unread.map(([topic, number]) => `${several(number, "record")} of ${topic} could not be read by this page.`)]);
  const fact = (name, value, more = null, title = null) =>
    h("div", {}, h("dt", {}, name), h("dd", { title }, value, ...(more ? [more] : [])));
  const rate = head.rate === null ? "–" : head.rate < 10 ? fixed(head.rate, 1) : count(head.rate);
  const rates = columns({
    layers: [["rate", [...Array(Math.max(0, 60 - head.rates.length)).fill(0), ...head.rates.slice(-60)]]], width: 90, height: 18, label: "events a second, the last half minute",
  });
  byId("facts").replaceChildren(
    fact("Events applied", count(head.applied)),
    fact("Events a second", rate, rates),
    fact("To go", head.lag === null ? "unknown" : count(head.lag)),
    head.watermark === null
      ? fact("Event time", "none yet")
      : fact("Event time", moment(head.watermark), null, `All before ${fullMoment(head.watermark)} has been seen`),
  );
  document.title = `${WORDS[head.state] ?? head.state} · cxloop`;
}

function sayReasons(reasons) {
  const list = byId("reasons");
  if (list.dataset.text === reasons.join("\n")) return;
  list.dataset.text = reasons.join("\n");
  list.replaceChildren(...reasons.map((reason) => h("li", {}, reason)));
}

/** What wants attention, each a way to its section. */
function drawGlance() {
  const { alerts, followups } = said;
  if (!alerts || !followups) return;
  const least = alerts.at_least ? "at least " : "";
  const wants = [
    ["alerts", alerts.critical, `${least}${count(alerts.critical)} critical`],
    ["alerts", 0, least + several(alerts.standing, "alert standing", "alerts standing")],
    ["followups", followups.overdue, `${count(followups.overdue)} overdue`],
    ["followups", 0, several(followups.open, "follow-up open", "follow-ups open")],
  ];
  const text = wants.map(([, , words]) => words).join();
  if (byId("glance").dataset.text === text) return;
  byId("glance").dataset.text = text;
  byId("glance").replaceChildren(...wants.map(([section, pressing, words]) => {
    const link = h("a", { href: `#${section}`, class: pressing ? "pressing" : null }, words);
    link.addEventListener("click", (event) => {
      event.preventDefault();
      byId(section).scrollIntoView({ behavior: "smooth" });
    });
    return link;
  }));
}

/** Sets text only where it changes, so that a screen reader says it once. */
function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Times that are told from now (event time) move on without being drawn anew. */
function tellTime() {
  const now = said.head?.now ?? null;
  if (now === null) return;
  for (const element of document.querySelectorAll("[data-due]")) {
    const due = Number(element.dataset.due);
    const text = due < now ? `${about((now - due) / 1000)} overdue` : away(due, now);
    say(element, text);
  }
}

function loseLink() {
  if (lost) return;
  lost = true;
  showLink();
}

function showLink() {
  document.body.dataset.link = lost ? "lost" : "live";
  byId("main").setAttribute("aria-busy", String(lost));
  byId("lost").textContent = lost ? "Connection lost. What this page shows is not live." : "";
  if (!lost) return;
  byId("truth").dataset.state = "lost";
  say(byId("sentence"), heard === null ? "No connection yet." : `Connection lost, last update ${clock(heard)}.`);
  sayReasons(["What is below is not live. This page keeps trying to connect."]);
  document.title = "Connection lost · cxloop";
}

const clock = (at) => new Date(at).toLocaleTimeString("en-GB");

function watchLink() {
  const began = performance.timeOrigin;
  const age = Date.now() - (heard ?? began);
  if (age > SILENCE_MS) loseLink();
  const updated = byId("updated");
  if (lost) {
    const seconds = about(age / 1000);
    updated.textContent = heard === null ? `nothing heard for ${seconds}` : `connection lost, last update ${seconds} ago`;
  } else if (heard !== null) {
    updated.textContent = age < 1_500 ? "live · updated now" : `updated ${about(age / 1000)} ago`;
  }
}

/** The windows that the worker keeps, which the settings choose. */
function offerWindows(windows) {
  const options = CHOICES.window[1];
  if (!windows.length || windows.join() === options.map(([value]) => value).join()) return;
  CHOICES.window[1] = windows.map((value) => [value, value.replace(/^(\d+)h$/, "$1 h").replace(/^(\d+)d$/, "$1 days")]);
  if (!windows.includes(chosen.window)) chosen.window = windows[0];
  byId("windows").querySelectorAll("label").forEach((label) => label.remove());
  buildSwitch("window");
}

function buildSwitch(name) {
  const [id, options] = CHOICES[name];
  for (const [value, label] of options) {
    const input = h("input", { type: "radio", name, value, checked: chosen[name] === value });
    input.addEventListener("change", () => {
      chosen[name] = value;
      history.replaceState(null, "", `#${new URLSearchParams(chosen)}`);
      for (const section of ["metrics", "places", "journey", "alerts"]) draw(section);
      tellTime();
    });
    byId(id).append(h("label", {}, input, h("span", {}, label)));
  }
}

function readAddress() {
  const given = new URLSearchParams(location.hash.slice(1));
  for (const [name, [, options]] of Object.entries(CHOICES)) {
    if (options.some(([value]) => value === given.get(name))) chosen[name] = given.get(name);
  }
}

readAddress();
Object.keys(CHOICES).forEach(buildSwitch);
let resized = 0;
addEventListener("resize", () => {
  clearTimeout(resized);
  resized = setTimeout(() => Object.keys(drawers).forEach(draw), 100);
});
setInterval(watchLink, 500);
listen();
