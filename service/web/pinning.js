// The buttons that keep cited words; all that mean the same words are pressed together.

import { button } from "./dom.js";
import { pins, PLACE } from "./pins.js";

/** A button that keeps the words of a citation; `words` names them where there are several on show. */
export function pinButton(citation, words = "") {
  const made = button("pin", "", () => pins.toggle(citation));
  made.pinned = citation;
  made.ariaLabel = words ? `담기: ${words}` : `담기: ${citation.title}`;
  tell(made);
  return made;
}

function tell(made) {
  made.ariaPressed = String(pins.has(made.pinned));
}

pins.addEventListener("change", () => document.querySelectorAll(".pin").forEach(tell));
addEventListener("storage", ({ key }) => key === PLACE && pins.reread());
