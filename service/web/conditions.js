// The conditions of a question in the form: days, outlet, section.

import { $, element } from "./dom.js";

const NAMES = ["from", "to", "press", "section"];
const form = $("#ask");

/** The conditions as they are, {from, to, press, section}; "" is no condition. */
export function conditions() {
  return Object.fromEntries(NAMES.map((name) => [name, form.elements[name].value.trim()]));
}

/** Set some of them; what is not given stays. */
export function restrict(given) {
  for (const [name, value] of Object.entries(given)) {
    const field = form.elements[name];
    if (field.tagName === "SELECT" && ![...field.options].some((option) => option.value === value)) {
      field.append(element("option", { value }, value));
    }
    field.value = value;
  }
  form.dispatchEvent(new Event("change"));
}

/** Without any condition. */
export function unrestricted() {
  return Object.fromEntries(NAMES.map((name) => [name, ""]));
}

/** Offer the values of a condition. */
export function offer(name, values) {
  const known = new Set([...form.elements[name].options].map((option) => option.value));
  const fresh = values.filter((value) => !known.has(value));
  form.elements[name].append(...fresh.map((value) => element("option", { value }, value)));
}

form.addEventListener("change", () => {
  const count = Object.values(conditions()).filter(Boolean).length;
  $("#conditions summary").textContent = count ? `조건 ${count}개` : "기간·언론사·분야 고르기";
});
$("#clear").addEventListener("click", () => restrict(unrestricted()));
