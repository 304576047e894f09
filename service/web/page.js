// The question page: the form, the address, the keys. What is asked is in conversation.js, an answer in turn.js.

import { conditions, offer, restrict, unrestricted } from "./conditions.js";
import { Conversation } from "./conversation.js";
import { $, growing, isComposing } from "./dom.js";
import { get, key } from "./events.js";
import { fromHash } from "./link.js";
import { offerNext } from "./next.js";
import * as panel from "./panel.js";

const form = $("#ask");
const box = $("#question");
const fit = growing(box);
const conversation = new Conversation($("#turns"), {
  changed,
  rateable: describeCorpus(),
  refused: askForKey,
});
const showNext = offerNext(conversation, renew);

function changed() {
  const { last, isAsking } = conversation;
  $("#send").textContent = isAsking ? "멈춤" : "묻기";
  document.body.classList.toggle("blank", !last);
  document.title = last ? `${last.asked.question.trim()} – 기사에 묻다` : "기사에 묻다";
  showNext();
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (!conversation.isAsking) begin({ question: box.value.trim(), ...conditions() });
  else if (event.submitter) conversation.stop(); // by the button, which says so; Enter does nothing meanwhile
});

function begin(asked) {
  if (asked.question) conversation.begin({ mode: "", ...asked });
}

function fill(question, given) {
  box.value = question;
  restrict(given);
  fit();
}

/** Bring the page to the questions of the address. */
function revisit() {
  const wanted = fromHash(location.hash);
  const { question, from, to, press, section } = wanted[0] ?? { question: "", ...unrestricted() };
  fill(question, { from, to, press, section });
  conversation.show(wanted);
}

function renew() {
  history.pushState(null, "", location.pathname + location.search);
  revisit();
  scrollTo(0, 0);
  box.focus();
}

addEventListener("popstate", revisit);
$("#home").addEventListener("click", (event) => {
  event.preventDefault();
  renew();
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !isComposing(event) && !panel.opened()?.matches(":modal")) {
    if (!panel.closeBeside()) conversation.stop();
  }
  const writing = event.target.closest?.("input, textarea, select, dialog:modal");
  if (event.key === "/" && !writing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    box.focus();
    box.select();
  }
});

// -- keys, and what can be asked -----------------------------------------------------------------

function askForKey() {
  $("#key-value").value = "";
  $("#key").showModal();
}

$("#key form").addEventListener("submit", () => {
  key.set($("#key-value").value);
  describe();
  conversation.retry();
});

/** Say how much there is to ask; whether the service takes ratings. */
async function describeCorpus() {
  try {
    const index = await get("readyz");
    const days = [index.published_from, index.published_to].filter(Boolean)
      .map((date) => date.replaceAll("-", ".")).join("–");
    $("#coverage").textContent = [`기사 ${index.articles.toLocaleString("ko")}건`, days].filter(Boolean).join(" · ");
    offer("press", index.presses);
    offer("section", index.sections);
    return index.feedback;
  } catch {
    $("#coverage").textContent = "기사 색인이 아직 준비되지 않았습니다. 잠시 뒤 다시 열어 주세요.";
    return false;
  }
}

/** What an answer does not need is fetched once the rest is there; a page without it is as good for asking. */
function describe() {
  const ask = (question) => {
    fill(question, unrestricted());
    begin({ question, ...unrestricted() });
  };
  import("./archive.js").then(({ describeArchive }) => describeArchive(ask), () => {});
}

revisit();
describe();
import("./collection.js").catch(() => {});
