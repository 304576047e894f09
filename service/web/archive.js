// The page before a question: what the archive holds, which narrows the question when it is pressed, and examples.

import { conditions, restrict } from "./conditions.js";
import { $, button, element } from "./dom.js";
import { get } from "./events.js";
import { day, period } from "./wording.js";

const MOST_NAMES = 12; // more are in the form
const bars = $("#days .bars");
const ends = [$("#days-from"), $("#days-to")];
let bins = [];

/** Show what the archive holds, if the service tells it; `ask` asks an example. */
export async function describeArchive(ask) {
  let archive;
  try {
    archive = await get("v1/archive");
  } catch {
    return; // it is an aid, and the question can be asked without
  }
  showExamples(archive.examples ?? [], ask);
  showDays(archive.histogram ?? []);
  showNames($("#outlets"), "press", (archive.outlets ?? []).map(({ name, count }) => [name, count]));
  showNames($("#sections"), "section", (archive.sections ?? []).map(({ path, count }) => [path, count]));
  $("#held").hidden = $("#days").hidden && !$("#held li");
  tell();
  $("#archive").hidden = false;
}

function showExamples(examples, ask) {
  const questions = examples.map((example) => example.question ?? example);
  $("#examples ul").replaceChildren(...questions.map((question) =>
    element("li", {}, button("example", question, () => ask(question)))));
  $("#examples").hidden = !questions.length;
}

/** The outlets or sections, each a button that asks for it alone. */
function showNames(place, name, held) {
  place.querySelector("ul").replaceChildren(...held.slice(0, MOST_NAMES).map(([value, count]) => {
    const made = button("chip", value.replaceAll(">", " › "), () => {
      restrict({ [name]: conditions()[name] === value ? "" : value });
    }, { value });
    made.append(element("span", { className: "count" }, count.toLocaleString("ko")));
    return element("li", {}, made);
  }));
  place.hidden = !held.length;
}

// -- days ----------------------------------------------------------------------------------------

function showDays(histogram) {
  bins = histogram;
  $("#days").hidden = bins.length < 2;
  if (bins.length < 2) return;
  const most = Math.max(...bins.map(({ count }) => count));
  bars.replaceChildren(...bins.map(({ count }) => {
    const bar = element("i", {});
    bar.style.height = count ? `max(2px, ${(100 * count) / most}%)` : "0";
    return element("span", {}, bar);
  }));
  for (const end of ends) end.max = `${bins.length - 1}`;
  $("#days .first").textContent = day(bins[0].from);
  $("#days .last").textContent = day(bins.at(-1).to);
}

/** Ask for the days of some bars; all of them are no condition. */
function choose(one, other) {
  const [first, last] = [Math.min(one, other), Math.max(one, other)];
  const isAll = first === 0 && last === bins.length - 1;
  restrict(isAll ? { from: "", to: "" } : { from: bins[first].from, to: bins[last].to });
}

/** The bars that the conditions reach, also where a day within one was written into the form. */
function chosen() {
  const { from, to } = conditions();
  const first = bins.findIndex((bin) => bin.to >= from);
  const last = bins.findLastIndex((bin) => !to || bin.from <= to);
  return [first < 0 ? bins.length - 1 : first, Math.max(last, 0)];
}

ends.forEach((end, which) => end.addEventListener("input", () => {
  const at = chosen();
  at[which] = Number(end.value);
  at[1 - which] = which ? Math.min(...at) : Math.max(...at); // one end pushes the other
  choose(...at);
}));

/** The number of the bar under a pointer. */
function under({ clientX }) {
  const { left, width } = bars.getBoundingClientRect();
  return Math.min(Math.max(Math.floor(((clientX - left) / width) * bins.length), 0), bins.length - 1);
}

let held = -1; // the bar from which the pointer brushes

bars.addEventListener("pointerdown", (event) => {
  bars.setPointerCapture(event.pointerId);
  held = under(event);
  const [first, last] = chosen();
  if (first === held && last === held) choose(0, bins.length - 1);
  else choose(held, held);
});
bars.addEventListener("pointermove", (event) => held >= 0 && choose(held, under(event)));
for (const name of ["pointerup", "pointercancel"]) bars.addEventListener(name, () => (held = -1));

// -- the conditions ------------------------------------------------------------------------------

/** Show the conditions in what is held. */
function tell() {
  const { press, section, from, to } = conditions();
  for (const one of document.querySelectorAll("#outlets .chip")) one.ariaPressed = String(one.value === press);
  for (const one of document.querySelectorAll("#sections .chip")) one.ariaPressed = String(one.value === section);
  if (bins.length < 2) return;
  const [first, last] = chosen();
  [...bars.children].forEach((bar, at) => bar.classList.toggle("in", first <= at && at <= last));
  [first, last].forEach((at, which) => {
    ends[which].value = `${at}`;
    ends[which].setAttribute("aria-valuetext", day(which ? bins[at].to : bins[at].from));
  });
  $("#days-told").textContent = from || to ? period({ from, to }) : "";
}

$("#ask").addEventListener("change", tell);
