// Everything that is measured, group by group.

import { count, h, several } from "./words.js";
import { inUnit } from "./journey.js";

const byId = (id) => document.getElementById(id);

export function drawCatalogue(catalogue, metrics, window) {
  const body = byId("catalogue-body");
  const view = metrics.windows[window];
  if (!metrics.here || !view) {
    body.replaceChildren(h("p", { class: "empty" }, metrics.here ? "No metric yet." : "The metrics are not here (see above)."));
    return;
  }
  const groups = new Map();
  for (const one of catalogue) groups.set(one.group, [...(groups.get(one.group) ?? []), one]);
  const known = [...groups].map(([group, all]) => [group, all.filter((one) => view.total[one.name])]);
  const leftOut = metrics.left_out.length;
  const without = catalogue.length - leftOut - known.reduce((sum, [, some]) => sum + some.length, 0);
  body.replaceChildren(
    ...known.filter(([, some]) => some.length).map(([group, some]) =>
      h("div", { class: "group" }, h("h3", {}, group), h("dl", {}, ...some.map((one) => drawMetric(one, view))))),
    ...(without ? [h("p", { class: "more" }, `${several(without, "more metric rests", "more metrics rest")} on nothing in this window`)] : []),
    ...(leftOut ? [h("p", { class: "more" }, `${several(leftOut, "metric is", "metrics are")} not kept (CXLOOP_METRICS)`)] : []));
}

function drawMetric(one, view) {
  const [result, samples] = view.total[one.name];
  const bounds = view.bounds[one.name];
  const alone = one.unit === "number" && samples === result;
  const rests = alone ? "" : bounds ? `${inUnit(bounds[0], one.unit)} to ${inUnit(bounds[1], one.unit)} · ${count(samples)}` : count(samples);
  return h("div", { title: one.help },
    h("dt", {}, one.title),
    h("dd", {}, h("b", {}, inUnit(result, one.unit)), h("small", { title: "95 % confidence interval · what it rests on" }, rests)));
}
