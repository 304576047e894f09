// The list of what the reader keeps, and the ways to take it along.

import { openArticle, opener } from "./article.js";
import { $, button, copy, element, show } from "./dom.js";
import { explain, post } from "./events.js";
import * as panel from "./panel.js";
import { MAX_PINS, pins, reference } from "./pins.js";
import { quoted } from "./sources.js";
import { facts } from "./wording.js";

const done = $("#collection-done");
const clear = $("#collection-clear");
let cleared = null; // what "clear" took away, until something else changes

function list() {
  const kept = pins.all;
  $("#collected").hidden = !kept.length;
  $("#collected span").textContent = `${kept.length}`;
  $("#collection-empty").hidden = kept.length > 0;
  $("#collection-take").hidden = !kept.length;
  clear.textContent = cleared ? "되돌리기" : "모두 빼기";
  clear.hidden = !kept.length && !cleared;
  $("#collection ol").replaceChildren(...kept.map(item));
}

function item(pin) {
  const remove = button("remove", "빼기", () => {
    const at = [...$("#collection ol").children].findIndex((one) => one.contains(remove));
    pins.toggle(pin);
    const left = $("#collection ol").children;
    (left[Math.min(at, left.length - 1)]?.querySelector(".remove") ?? $("#collection .close")).focus();
  }, { ariaLabel: `빼기: ${pin.title}` });
  return element("li", {},
    element("blockquote", {}, ...quoted({ ...pin, answer_spans: pin.answer_spans ?? [] })),
    opener(pin.title, () => openArticle(pin)),
    element("p", { className: "note" }, facts({ ...pin, reporters: pin.reporters ?? [] }), " ", remove));
}

/** The pins in the chosen form, which the service writes; null if that failed. */
async function exported() {
  const citations = pins.all.map((pin) => ({ article: reference(pin), start: pin.start, end: pin.end, quote: pin.quote }));
  try {
    return await post("v1/citations/export", { format: $("#format").value, citations });
  } catch (error) {
    show(done, error.status === 404 ? "이 서비스는 인용을 내보내지 못합니다." : explain(error));
    return null;
  }
}

function told(text, { missing = [] }) {
  return missing.length ? `${text} 지금 색인에 없는 말을 담은 기사 ${missing.length}건은 빠졌습니다.` : text;
}

$("#collection-copy").addEventListener("click", async () => {
  const made = await exported();
  if (made) await copy(made.text, done, told("복사했습니다.", made));
});

$("#collection-save").addEventListener("click", async () => {
  const made = await exported();
  if (!made) return;
  const href = URL.createObjectURL(new Blob([made.text], { type: made.media_type }));
  element("a", { href, download: made.filename }).click();
  URL.revokeObjectURL(href);
  show(done, told(`${made.filename} 파일로 저장했습니다.`, made));
});

clear.addEventListener("click", () => {
  const [taken, back] = [pins.all, cleared];
  pins.replace(back ?? []);
  cleared = back ? null : taken;
  list();
});

pins.addEventListener("change", () => {
  cleared = null;
  show(done, "");
  list();
});
pins.addEventListener("full", () => {
  panel.open(panel.collection);
  show(done, `${MAX_PINS}개까지 담을 수 있습니다. 먼저 몇 개를 빼 주세요.`);
});
$("#collected").addEventListener("click", () => panel.open(panel.collection));
list();
