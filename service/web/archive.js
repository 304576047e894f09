// The page before a question: what the archive holds, which narrows the question when it is pressed, and examples.

import { conditions, restrict } from "./conditions.js";
import { $, button, element, show } from "./dom.js";
import { get } from "./events.js";
import { day, period } from "./wording.js";

const MOST_NAMES = 12; // more are in the form
const REST_MS = 250; // after which conditions are taken as meant
const [TRIES, RETRY_MS] = [8, 4_000];
const bars = $("#days .bars");
const ends = [$("#days-from"), $("#days-to")];
let bins = [];

/** Show what the archive holds and what can be asked, if the service tells; `ask` asks an example. */
export async function describeArchive(ask) {
  const [archive, examples] = await Promise.all([told("v1/archive"), told("v1/examples")]);
  showDays(archive);
  showNames($("#outlets"), "press", archive.presses ?? []);
  showNames($("#sections"), "section", archive.sections ?? []);
  $("#held").hidden = $("#days").hidden && !$("#held li");
  showExamples(examples, ask);
  tell();
  await expectExamples(examples, ask);
}

/** What the service tells, or nothing: these are aids, and the question can be asked without. */
function told(path) {
  return get(path).catch(() => ({}));
}

/** A service that has just started is still looking for examples, and has an empty list meanwhile. */
async function expectExamples(examples, ask) {
  for (let left = TRIES; left && examples.examples?.length === 0 && document.body.matches(".blank"); left -= 1) {
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    examples = await told("v1/examples");
    showExamples(examples, ask);
  }
}

function showExamples({ examples = [] }, ask) {
  $("#examples ul").replaceChildren(...examples.map(({ question }) =>
    element("li", {}, button("example", question, () => ask(question)))));
  $("#examples").hidden = !examples.length;
  $("#archive").hidden = $("#held").hidden && $("#examples").hidden;
}

/** The outlets or sections, each a button that asks for it alone. */
function showNames(place, name, held) {
  place.querySelector("ul").replaceChildren(...held.slice(0, MOST_NAMES).map(({ name: value, articles }) => {
    const made = button("chip", `${value.replaceAll(">", " › ")} `, () => {
      restrict({ [name]: conditions()[name] === value ? "" : value });
    }, { value });
    made.append(element("span", { className: "count" }, articles.toLocaleString("ko")));
    return element("li", {}, made);
  }));
  place.hidden = !held.length;
}

// -- days ----------------------------------------------------------------------------------------

function showDays({ days, published_from: first, published_to: last }) {
  bins = days?.buckets ?? [];
  $("#days").hidden = bins.length < 2;
  if (bins.length < 2) return;
  const most = Math.max(...bins.map(({ articles }) => articles));
  bars.replaceChildren(...bins.map(({ from, to, articles }) => {
    const bar = element("i", {});
    bar.style.height = articles ? `max(2px, ${(100 * articles) / most}%)` : "0";
    return element("span", { title: `${period({ from, to })} · ${counted(articles)}` }, bar);
  }));
  for (const end of ends) end.max = `${bins.length - 1}`;
  [$("#days .first").textContent, $("#days .last").textContent] = [day(first), day(last)];
}

function counted(articles) {
  return `기사 ${articles.toLocaleString("ko")}건`;
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
}

let waiting = 0;

/** Say how many articles meet the conditions, once these have come to rest. */
function count() {
  clearTimeout(waiting);
  const { from, to, press, section } = conditions();
  const given = { published_from: from, published_to: to, press, section };
  const wanted = new URLSearchParams(Object.entries(given).filter(([, value]) => value));
  show($("#days-told"), period({ from, to }));
  if (!`${wanted}` || $("#held").hidden || !document.body.matches(".blank")) return;
  const mine = (waiting = setTimeout(async () => {
    const { articles } = await told(`v1/archive?${wanted}`);
    if (mine !== waiting || articles === undefined) return;
    show($("#days-told"), [period({ from, to }), counted(articles)].filter(Boolean).join(" · "));
  }, REST_MS));
}

$("#ask").addEventListener("change", () => {
  tell();
  count();
});
