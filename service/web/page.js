// The question page: ask, show each verified sentence as it comes, lead back to the article.

import { ask, get, Problem } from "./events.js";
import { locate, parts } from "./highlight.js";

const $ = (selector) => document.querySelector(selector);
const form = $("#ask");
const box = $("#question");
const send = $("#send");
const quote = $("#quote");
const dialog = $("#article");

let asking = null; // AbortController of the question under way
let citations = new Map(); // number -> citation of the answer on show

/** An element with properties and children; texts are never parsed as HTML. */
function element(tag, properties = {}, ...children) {
  const { dataset = {}, ...rest } = properties;
  const made = Object.assign(document.createElement(tag), rest);
  Object.assign(made.dataset, dataset);
  made.append(...children.filter((child) => child !== null));
  return made;
}

function show(node, text) {
  node.textContent = text;
  node.hidden = !text;
}

// -- asking ----------------------------------------------------------------------------------

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (asking) asking.abort();
  else if (box.value.trim()) answer(read(form));
});

box.addEventListener("keydown", (event) => {
  // Enter that ends the composition of a syllable is not yet the end of the question.
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    if (!asking) form.requestSubmit();
  }
});

box.addEventListener("input", fit);
$("#clear").addEventListener("click", () => {
  for (const field of form.querySelectorAll(".filters input, .filters select")) field.value = "";
});

function fit() {
  box.style.height = "auto";
  box.style.height = `${box.scrollHeight}px`;
}

/** The form as the body of POST /v1/ask. */
function read(form) {
  const given = new FormData(form);
  const filters = {};
  for (const name of ["published_from", "published_to"]) {
    if (given.get(name)) filters[name] = given.get(name);
  }
  for (const name of ["press", "section"]) {
    if (given.get(name)) filters[name] = [given.get(name)];
  }
  return { question: given.get("question").trim(), filters };
}

async function answer(question) {
  asking = new AbortController();
  send.textContent = "멈춤";
  clear(question.question);
  try {
    for await (const event of ask(question, asking.signal)) steps[event.name]?.(event.data);
    show($("#status"), "");
  } catch (error) {
    show($("#status"), explain(error));
  } finally {
    asking = null;
    send.textContent = "묻기";
  }
}

const steps = {
  interpreted({ time_range: range, filters, note }) {
    const days = range && `${range.from ?? ""} ~ ${range.to ?? ""}`.trim();
    const names = Object.values(filters ?? {}).flat().join(", ");
    const parts = [range && `기간: ${days} (‘${range.expression}’)`, names && `조건: ${names}`, note];
    show($("#understood"), parts.filter(Boolean).join(" · "));
  },
  passages({ hits }) {
    const stories = new Set(hits.map((hit) => hit.article.id)).size;
    show($("#status"), stories ? `기사 ${stories}건을 읽고 있습니다.` : "");
  },
  sentence({ sentence, citations: cited }) {
    for (const citation of cited) citations.set(citation.number, citation);
    const markers = sentence.citations.map(marker);
    $("#text").append(element("span", {}, sentence.text, ...markers), " ");
  },
  done(whole) {
    steps.interpreted(whole.interpreted);
    citations = new Map(whole.citations.map((citation) => [citation.number, citation]));
    if (whole.status !== "answered") $("#text").textContent = whole.text;
    show($("#remark"), remarks(whole).join(" "));
    $("#sources ol").replaceChildren(...whole.citations.map(source));
    $("#sources").hidden = !whole.citations.length;
  },
};

function remarks({ dropped_sentences: dropped, fallback_from: failed, incomplete }) {
  return [
    dropped && `기사에서 근거를 찾지 못한 문장 ${dropped}개를 뺐습니다.`,
    failed && `${failed} 모델이 답하지 못해 기사 문장으로 답했습니다.`,
    incomplete && "답변 모델이 도중에 끊겨 답이 다 나오지 않았을 수 있습니다.",
  ].filter(Boolean);
}

function clear(question) {
  citations = new Map();
  hideQuote();
  show($("#status"), "기사를 찾고 있습니다.");
  show($("#asked"), question);
  show($("#understood"), "");
  show($("#remark"), "");
  $("#text").replaceChildren();
  $("#answer").hidden = false;
  $("#sources").hidden = true;
}

function explain(error) {
  if (error.name === "AbortError") return "멈추었습니다.";
  if (!(error instanceof Problem)) throw error;
  return error.status >= 500 ? `${error.message} (요청 번호 ${error.requestId})` : error.message;
}

// -- sources -----------------------------------------------------------------------------------

function facts({ press, published_at: published, reporters }) {
  const day = published ? published.slice(0, 10) : "날짜 모름";
  return [press ?? "언론사 모름", day, ...reporters.map((name) => `${name} 기자`)].join(" · ");
}

function original({ url }) {
  if (!/^https?:\/\//i.test(url ?? "")) return null;
  return element("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, "원문");
}

function source(citation) {
  const number = element("span", { className: "number", ariaHidden: "true" }, `${citation.number}`);
  const title = element("button", { type: "button", className: "title" }, number, citation.title);
  title.addEventListener("click", () => openArticle(citation));
  const others = citation.also_reported_by.join(", ");
  return element("li", { value: citation.number },
    title,
    element("p", { className: "note" }, facts(citation), " ", original(citation) ?? ""),
    element("blockquote", {}, citation.quote),
    others ? element("p", { className: "note" }, `같은 기사: ${others}`) : null,
  );
}

/** The [n] after a sentence: pointing at it shows the quote, opening it the article. */
function marker(number) {
  const { title, press } = citations.get(number);
  const label = `출처 ${number}: ${press ?? ""} ${title}`;
  const button = element("button", { type: "button", className: "marker", ariaLabel: label }, `${number}`);
  button.addEventListener("pointerenter", (event) => {
    if (event.pointerType === "mouse") showQuote(button, number);
  });
  button.addEventListener("pointerleave", (event) => {
    if (event.pointerType === "mouse") hideQuote();
  });
  // Only the keyboard: a finger's tap focuses too, and is told apart below.
  button.addEventListener("focus", () => {
    if (button.matches(":focus-visible")) showQuote(button, number);
  });
  button.addEventListener("blur", hideQuote);
  button.addEventListener("click", (event) => {
    const unseen = event.pointerType === "touch" && quote.dataset.number !== `${number}`;
    if (unseen) showQuote(button, number, "한 번 더 누르면 기사를 엽니다.");
    else openArticle(citations.get(number));
  });
  return button;
}

function showQuote(button, number, hint = "") {
  const citation = citations.get(number);
  quote.replaceChildren(
    element("p", {}, citation.quote),
    element("p", { className: "note" }, facts(citation)),
    hint ? element("p", { className: "note" }, hint) : "",
  );
  quote.dataset.number = number;
  quote.showPopover();
  const at = button.getBoundingClientRect();
  const room = document.documentElement.clientWidth - quote.offsetWidth - 8;
  const below = at.bottom + 8;
  const fits = below + quote.offsetHeight < document.documentElement.clientHeight;
  quote.style.left = `${Math.max(8, Math.min(at.left - 16, room))}px`;
  quote.style.top = `${fits ? below : Math.max(8, at.top - quote.offsetHeight - 8)}px`;
  button.setAttribute("aria-describedby", "quote");
}

function hideQuote() {
  quote.hidePopover();
  quote.dataset.number = "";
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") hideQuote();
});
document.addEventListener("scroll", hideQuote, { passive: true });

// -- the article -------------------------------------------------------------------------------

$("#article .close").addEventListener("click", () => dialog.close());
dialog.addEventListener("click", (event) => {
  if (event.target === dialog) dialog.close(); // the backdrop
});

async function openArticle(citation) {
  hideQuote();
  $("#article-facts").replaceChildren(facts(citation), " ", original(citation) ?? "");
  const heading = element("h2", { id: "article-title" }, citation.title);
  $("#article-content").replaceChildren(heading, element("p", { className: "note" }, "기사를 여는 중입니다."));
  dialog.showModal();
  try {
    const id = citation.article_id.split("/").map(encodeURIComponent).join("/");
    $("#article-content").replaceChildren(heading, ...content(await get(`v1/articles/${id}`), citation));
    dialog.querySelector("mark")?.scrollIntoView({ block: "center" });
  } catch (error) {
    $("#article-content").replaceChildren(heading, element("p", { className: "note" }, explain(error)));
  }
}

function content(article, citation) {
  const span = locate(article.body, citation);
  const warning = span ? [] : [element("p", { className: "note" },
    "기사가 그 뒤에 고쳐져, 인용한 문장이 지금 기사에는 없습니다.")];
  const subtitles = article.subtitles.map((text) => element("p", { className: "subtitle" }, text));
  const paragraphs = article.paragraphs.map((paragraph) => element("p", {},
    ...parts(paragraph, span).map(({ text, cited }) => (cited ? element("mark", {}, text) : text))));
  return [...warning, ...subtitles, ...paragraphs];
}

// -- what can be asked -------------------------------------------------------------------------

async function describeCorpus() {
  try {
    const index = await get("readyz");
    const days = [index.published_from, index.published_to].filter(Boolean).join(" ~ ");
    $("#coverage").textContent =
      `신문 기사 ${index.articles.toLocaleString("ko")}건에서 답을 찾습니다${days && ` (${days})`}.`;
    for (const [name, values] of [["press", index.presses], ["section", index.sections]]) {
      form.elements[name].append(...values.map((value) => element("option", { value }, value)));
    }
  } catch {
    show($("#status"), "기사 색인이 아직 준비되지 않았습니다. 잠시 뒤 다시 열어 주세요.");
  }
}

describeCorpus();
