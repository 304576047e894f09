// Small things that every part of the page needs.

export const $ = (selector) => document.querySelector(selector);

/** An element with properties and children; texts are never parsed as HTML. */
export function element(tag, properties = {}, ...children) {
  const { dataset = {}, ...rest } = properties;
  const made = Object.assign(document.createElement(tag), rest);
  Object.assign(made.dataset, dataset);
  made.append(...children.filter((child) => child !== null));
  return made;
}

/** A button of a kind. */
export function button(className, text, pressed, properties = {}) {
  const made = element("button", { type: "button", className, ...properties }, text);
  made.addEventListener("click", pressed);
  return made;
}

/** Show a text in a place, or hide the place if there is none. */
export function show(node, text) {
  node.textContent = text;
  node.hidden = !text;
}

/** Put a text on the clipboard and say in a place whether that went well. */
export async function copy(text, place, told) {
  try {
    await navigator.clipboard.writeText(text);
    show(place, told);
  } catch { // no permission, or a page that is not served securely
    show(place, "복사하지 못했습니다. 글을 골라 직접 복사해 주세요.");
  }
}

/** Whether a key goes to the input method. Safari ends the composition first; then only its key code, 229, tells. */
export function isComposing(event) {
  return event.isComposing || event.keyCode === 229;
}

/** A field that grows with its text and sends its form by Enter. */
export function growing(box) {
  const fit = () => {
    box.style.height = "auto";
    box.style.height = `${box.scrollHeight}px`;
  };
  box.addEventListener("input", fit);
  box.addEventListener("keydown", (event) => {
    // Enter that ends the composition of a syllable is not yet the end of the question.
    if (event.key !== "Enter" || event.shiftKey || isComposing(event)) return;
    event.preventDefault();
    if (!event.repeat) box.form.requestSubmit();
  });
  return fit;
}
