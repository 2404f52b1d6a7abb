// Numbers, times and codes as people read them; and elements made of text, never of markup.

const GROUPED = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const DAY_TIME = new Intl.DateTimeFormat("en-GB", {
  timeZone: "UTC", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23",
});
const FULL = new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", dateStyle: "full", timeStyle: "medium" });

export const MINUS = "−";

/** An element. Children are elements or text; text is never read as markup. */
export function h(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  return filled(made, attributes, children);
}

/** The same in SVG. */
export function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function filled(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    made.setAttribute(name, value === true ? "" : String(value));
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

export const count = (number) => (number === null ? "unknown" : GROUPED.format(number));
export const several = (number, one, many = `${one}s`) => `${count(number)} ${number === 1 ? one : many}`;
export const fixed = (number, digits = 0) => number.toFixed(digits).replace("-", MINUS);
export const percent = (share) => `${fixed(share * 100)} %`;

export function signed(number, digits = 0) {
  const text = fixed(number, digits);
  if (Number(number.toFixed(digits)) === 0) return fixed(0, digits);
  return number > 0 ? `+${text}` : text;
}

/** A length of time in its two greatest units. */
export function span(seconds) {
  const whole = Math.round(Math.abs(seconds));
  if (whole < 60) return `${whole} s`;
  const minutes = Math.round(whole / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
  const days = Math.floor(hours / 24);
  return hours % 24 ? `${days} d ${hours % 24} h` : `${days} d`;
}

/** One unit is enough beside others. */
export function about(seconds) {
  return span(seconds).replace(/^(\d+ (?:h|d)) .*$/, "$1");
}

/** `22 Nov 12:00`, UTC. */
export function moment(at) {
  return DAY_TIME.format(at).replace(",", "");
}

export function fullMoment(at) {
  return `${FULL.format(at)} UTC`;
}

export function time(at, attributes = {}) {
  return h("time", { datetime: new Date(at).toISOString(), title: fullMoment(at), ...attributes }, moment(at));
}

const MOMENT = /(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z)/;

/** A text as people read it: its moments as they stand everywhere on the page. */
export function readable(text) {
  return text.split(MOMENT).map((part, n) => {
    const at = n % 2 ? Date.parse(part) : NaN;
    return Number.isNaN(at) ? part : time(at); // customers may write of the 45th
  });
}

/** A moment as seen from another one: `in 3 h`, `2 h ago`. */
export function away(at, now) {
  const seconds = (at - now) / 1000;
  if (Math.abs(seconds) < 1) return "now";
  return seconds > 0 ? `in ${about(seconds)}` : `${about(seconds)} ago`;
}

const CODES = {
  late_truth: "an answer in time came late",
  edited: "the review was edited",
  answered_late: "answered after the deadline",
  expired: "nobody answered for 28 days",
  followup_closed: "its follow-up was closed",
  cleared: "back to normal",
  no_data: "no data any more",
  withdrawn: "its rule was removed",
};

export const whyOver = (code) => CODES[code] ?? code.replaceAll("_", " ");

const MARKS = {
  critical: "M8 1l7 7-7 7-7-7z",
  warning: "M8 1.5l7 13H1z",
  info: "M8 2a6 6 0 1 0 .01 0z",
};

/** A severity: a shape of its own, and the word. */
export function severity(name) {
  const mark = svg("svg", { viewBox: "0 0 16 16", width: 11, height: 11, "aria-hidden": "true" },
    svg("path", { d: MARKS[name] ?? MARKS.info, fill: "currentColor" }));
  return h("span", { class: `severity ${name in MARKS ? name : "info"}` }, mark, name);
}
