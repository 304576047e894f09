// Dialogs that stand beside the text where there is room for both, and over it where there is not.

import { $ } from "./dom.js";

const room = matchMedia("(min-width: 68.75rem)");
const panels = () => [...document.querySelectorAll("dialog.panel")];

/** The panel that is open, or null. */
export function opened() {
  return panels().find((panel) => panel.open) ?? null;
}

/** Open a panel in the place of the one that is open. */
export function open(panel) {
  for (const other of panels()) if (other !== panel) other.close();
  if (panel.open) return;
  if (room.matches) panel.show();
  else panel.showModal();
  settle();
}

function settle() {
  document.body.classList.toggle("beside", room.matches && opened() !== null);
}

for (const panel of panels()) {
  panel.addEventListener("close", settle);
  panel.querySelector(".close").addEventListener("click", () => panel.close());
}
for (const dialog of document.querySelectorAll("dialog")) {
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog && dialog.matches(":modal")) dialog.close(); // the backdrop
  });
}
room.addEventListener("change", () => {
  const panel = opened();
  panel?.close();
  if (panel) open(panel);
  else settle();
});

/** Close the panel that stands beside the text; whether there was one. */
export function closeBeside() {
  const panel = opened();
  if (!panel || panel.matches(":modal")) return false; // a modal one closes by itself
  panel.close();
  return true;
}

export const article = $("#article");
export const collection = $("#collection");
