// The question page: ask, show each verified sentence as it comes, lead back to the article.

import { ask, get, key, Problem, rate } from "./events.js";
import { locate, marked, parts } from "./highlight.js";
import { fromHash, toHash, toRequest } from "./link.js";
import { Sentences } from "./sentences.js";
import { facts, LEADS_TITLE, NO_ANSWER, plainText, remarks, SEE_THE_ARTICLE, understanding } from "./wording.js";

const PATIENCE_MS = 8_000; // then the reader is told that it takes long

const $ = (selector) => document.querySelector(selector);
const form = $("#ask");
const box = $("#question");
const send = $("#send");
const quote = $("#quote");
const dialog = $("#article");
const sentences = new Sentences($("#text"), $("#icons"), marker);

let asking = null; // AbortController of the question under way
let citations = new Map(); // number -> citation of the answer on show
let corrected = new Map(); // article id -> ids of the articles that correct it
let shown = null; // the whole answer on show, once it is there
let rateable = false; // whether the service takes ratings

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

// -- the question ------------------------------------------------------------------------------

const FIELDS = ["question", "from", "to", "press", "section"];

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (asking) asking.abort();
  else if (box.value.trim()) visit(asked());
});

box.addEventListener("keydown", (event) => {
  // Enter that ends the composition of a syllable is not yet the end of the question.
  if (event.key === "Enter" && !event.shiftKey && !isComposing(event)) {
    event.preventDefault();
    if (!asking && !event.repeat) form.requestSubmit();
  }
});

/** Whether a key goes to the input method. Safari ends the composition first; then only its key code, 229, tells. */
function isComposing(event) {
  return event.isComposing || event.keyCode === 229;
}

box.addEventListener("input", fit);
form.addEventListener("change", tellConditions);
$("#clear").addEventListener("click", () => {
  for (const name of FIELDS.slice(1)) form.elements[name].value = "";
  tellConditions();
});

function fit() {
  box.style.height = "auto";
  box.style.height = `${box.scrollHeight}px`;
}

function asked() {
  return Object.fromEntries(FIELDS.map((name) => [name, form.elements[name].value.trim()]));
}

function tellConditions() {
  const count = FIELDS.slice(1).filter((name) => form.elements[name].value).length;
  $("#conditions summary").textContent = count ? `조건 ${count}개` : "기간·언론사·분야 고르기";
}

/** Fill the form with a question of an address, and ask it. */
function revisit() {
  const wanted = fromHash(location.hash);
  for (const name of FIELDS) {
    const field = form.elements[name];
    const value = wanted?.[name] ?? "";
    if (field.tagName === "SELECT" && value && ![...field.options].some((o) => o.value === value)) {
      field.append(element("option", { value }, value));
    }
    field.value = value;
  }
  fit();
  tellConditions();
  if (wanted) answer(wanted);
  else clear();
}

function visit(wanted) {
  if (location.hash !== toHash(wanted)) history.pushState(null, "", toHash(wanted));
  answer(wanted);
}

window.addEventListener("popstate", revisit);
$("#home").addEventListener("click", (event) => {
  event.preventDefault();
  history.pushState(null, "", location.pathname);
  revisit();
  box.focus();
});

// -- the answer --------------------------------------------------------------------------------

async function answer(wanted) {
  asking?.abort();
  const mine = (asking = new AbortController());
  clear(wanted.question.trim());
  send.textContent = "멈춤";
  document.body.classList.add("busy");
  let late = 0;
  const expectMore = () => {
    clearTimeout(late);
    late = setTimeout(() => show($("#status"), "시간이 걸리고 있습니다. Esc를 누르면 멈춥니다."), PATIENCE_MS);
  };
  try {
    expectMore();
    for await (const event of ask(toRequest(wanted), mine.signal)) {
      if (mine !== asking) return;
      steps[event.name]?.(event.data);
      expectMore();
    }
    show($("#status"), "");
  } catch (error) {
    if (mine === asking) failed(error);
  } finally {
    clearTimeout(late);
    if (mine === asking) {
      asking = null;
      send.textContent = "묻기";
      document.body.classList.remove("busy");
    }
  }
}

const steps = {
  interpreted(interpreted) {
    const phrases = understanding(interpreted);
    $("#understood").replaceChildren(...phrases.map((text) => element("li", {}, text)));
    $("#understood").hidden = !phrases.length;
    show($("#note"), interpreted.note ?? "");
  },
  passages({ hits }) {
    const name = (found) => reference({ ...found, article_id: found.id });
    const articles = new Map(hits.map((hit) => [name(hit.article), hit.article]));
    for (const [id, { corrected_by: by }] of articles) if (by.length) corrected.set(id, by);
    $("#looked ul").replaceChildren(...[...articles.values()].map(looked));
    show($("#status"), articles.size ? `기사 ${articles.size}건을 읽고 있습니다.` : "");
  },
  sentence({ index, sentence, citations: cited, pending }) {
    for (const citation of cited) citations.set(citation.number, citation);
    sentences.add(index, sentence, articlesOf(sentence), pending ? "pending" : sentence.support);
    compare();
  },
  graded({ index, support }) {
    sentences.grade(index, support);
    compare();
  },
  withdrawn({ index }) {
    sentences.grade(index, "withdrawn");
    $("#withdrawn").hidden = false;
  },
  done(whole) {
    shown = whole;
    steps.interpreted(whole.interpreted);
    citations = new Map(whole.citations.map((citation) => [citation.number, citation]));
    const answered = whole.status === "answered";
    if (answered) sentences.settle(whole.sentences, articlesOf);
    else abstain(whole.text);
    compare();
    show($("#remark"), remarks(whole).join(" "));
    $("#sources ol").replaceChildren(...(answered ? whole.citations.map(source) : []));
    $("#leads ul").replaceChildren(...(answered ? [] : whole.citations.map(lead)));
    for (const name of ["sources", "leads"]) $(`#${name}`).hidden = !$(`#${name} li`);
    $("#looked").hidden = answered || !$("#looked ul").children.length;
    $("#actions").hidden = false;
    $("#rating").hidden = !rateable;
    $("#copy").textContent = $("#leads").hidden ? "출처와 함께 복사" : "기사와 함께 복사";
    $("#rating").ariaLabel = answered ? "이 답이 도움이 되었나요?" : "이 결과가 도움이 되었나요?";
    document.title = `${whole.question} – 기사에 묻다`;
  },
};

function articlesOf(sentence) {
  return sentence.citations.map((number) => reference(citations.get(number)));
}

/** Say that there is no answer, in the place of whatever was withdrawn. */
function abstain(text) {
  sentences.clear();
  $("#text").textContent = text;
  $("#text").classList.add("absent");
  $("#withdrawn").hidden = true;
}

/** Below the text, open, what the articles say where sentences are in other words. */
function compare() {
  const open = sentences.reworded;
  $("#reworded ul").replaceChildren(...open.map((sentence) => element("li", {},
    element("p", {}, sentence.text),
    ...sentence.citations.map((number) => comparison(citations.get(number))))));
  $("#reworded").hidden = !open.length;
}

function comparison(citation) {
  return element("blockquote", {}, ...quoted(citation),
    element("p", { className: "note" }, `[${citation.number}] ${facts(citation)}`));
}

/** The page before a question, or with one whose answer is still to come. */
function clear(question = "") {
  [citations, corrected, shown] = [new Map(), new Map(), null];
  hideQuote();
  document.title = "기사에 묻다";
  document.body.classList.toggle("blank", !question);
  $("#result").hidden = !question;
  show($("#status"), question && "기사를 찾고 있습니다.");
  for (const name of ["note", "remark", "done"]) show($(`#${name}`), "");
  $("#asked").textContent = question;
  sentences.clear();
  $("#text").classList.remove("absent");
  for (const name of ["understood", "withdrawn", "reworded", "sources", "leads", "looked", "actions", "comment", "again"]) {
    $(`#${name}`).hidden = true;
  }
  for (const button of $("#rating").children) button.ariaPressed = "false";
  $("#looked").open = false;
}

function failed(error) {
  show($("#status"), explain(error));
  sentences.giveUp();
  compare();
  if (error.code === "key_unknown") askForKey();
  $("#actions").hidden = $("#again").hidden = false;
  $("#rating").hidden = true;
}

function explain(error) {
  if (error.name === "AbortError") return "멈추었습니다.";
  if (!(error instanceof Problem)) throw error;
  return error.status >= 500 ? `${error.message} (요청 번호 ${error.requestId})` : error.message;
}

$("#again").addEventListener("click", () => answer(asked()));

// -- what can be done with it ----------------------------------------------------------------------

async function copy(text, told) {
  try {
    await navigator.clipboard.writeText(text);
    show($("#done"), told);
  } catch { // no permission, or a page that is not served securely
    show($("#done"), "복사하지 못했습니다. 글을 골라 직접 복사해 주세요.");
  }
}

function link() {
  return new URL(toHash(fromHash(location.hash) ?? asked()), location.href).href;
}

$("#copy").addEventListener("click", () => {
  const text = shown ? plainText(shown, link()) : `${$("#asked").textContent}\n\n${sentences.text}`;
  copy(text, "복사했습니다.");
});
$("#link").addEventListener("click", () => copy(link(), "이 질문의 링크를 복사했습니다."));

$("#rating").addEventListener("click", async (event) => {
  const button = event.target.closest("button");
  if (!button || !shown) return;
  if (!(await rated({ rating: button.value }))) return;
  for (const one of $("#rating").children) one.ariaPressed = String(one === button);
  $("#comment").hidden = button.value !== "down";
  if (button.value === "down") $("#why").focus();
});

$("#comment").addEventListener("submit", async (event) => {
  event.preventDefault();
  if (await rated({ rating: "down", comment: $("#why").value.trim() || null })) {
    $("#comment").hidden = true;
    $("#why").value = "";
  }
});

async function rated(feedback) {
  try {
    await rate({ answer_id: shown.id, ...feedback });
    show($("#done"), "고맙습니다.");
    return true;
  } catch (error) {
    show($("#done"), explain(error));
    return false;
  }
}

// -- sources -----------------------------------------------------------------------------------

function original({ url }) {
  if (!/^https?:\/\//i.test(url ?? "")) return null;
  const note = element("span", { className: "unseen" }, "(새 창)");
  return element("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, "원문", note);
}

function opener(text, open) {
  const button = element("button", { type: "button", className: "title" }, text);
  button.addEventListener("click", open);
  return button;
}

function source(citation) {
  return element("li", { value: citation.number, id: `source-${citation.number}` },
    element("span", { className: "number", ariaHidden: "true" }, `${citation.number}`),
    element("div", {}, ...described(citation)),
  );
}

/** A near article in the place of an answer: without a number, as nothing rests on it. */
function lead(citation) {
  return element("li", {}, ...described(citation));
}

function described(citation) {
  const others = citation.also_reported_by;
  return [
    opener(citation.title, () => openArticle(citation)),
    element("p", { className: "note" }, facts(citation), " ", original(citation) ?? ""),
    element("blockquote", {}, ...quoted(citation)),
    corrected.has(reference(citation))
      ? element("p", { className: "warning" }, "나중에 바로잡힌 기사입니다. 기사를 열어 확인하세요.") : null,
    others.length ? element("details", { className: "others" },
      element("summary", {}, `다른 매체 ${others.length}곳`),
      element("p", { className: "note" }, others.join(", "))) : null,
  ].filter(Boolean);
}

/** The cited words, a paragraph each, with what answers marked in them. */
function quoted(citation, properties = {}) {
  return marked(citation).map((words) => element("p", properties,
    ...words.map(({ text, cited }) => (cited ? element("mark", {}, text) : text))));
}

function looked(article) {
  const whole = { ...article, article_id: article.id, quotes: [] };
  return element("li", {}, opener(article.title, () => openArticle(whole)),
    element("p", { className: "note" }, facts(article)));
}

/** The number after a sentence: pointing at it shows the quote, opening it the article. */
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
    ...quoted(citation, { className: "words" }),
    element("p", { className: "note" }, citation.title),
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
  document.querySelector(`#source-${number}`)?.classList.add("pointed");
}

function hideQuote() {
  quote.hidePopover();
  quote.dataset.number = "";
  for (const one of document.querySelectorAll(".pointed")) one.classList.remove("pointed");
}

document.addEventListener("scroll", hideQuote, { passive: true });

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !isComposing(event)) {
    if (quote.matches(":popover-open")) hideQuote();
    else if (!dialog.open) asking?.abort();
  }
  const writing = event.target.closest?.("input, textarea, select, dialog");
  if (event.key === "/" && !writing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    box.focus();
    box.select();
  }
});

// -- the article -------------------------------------------------------------------------------

for (const one of document.querySelectorAll("dialog")) {
  one.addEventListener("click", (event) => {
    if (event.target === one) one.close(); // the backdrop
  });
}
$("#article .close").addEventListener("click", () => dialog.close());

async function openArticle(citation) {
  hideQuote();
  const place = $("#article-content");
  const heading = element("h2", { id: "article-title" }, citation.title);
  $("#article-facts").replaceChildren(facts(citation), " ", original(citation) ?? "");
  place.replaceChildren(heading, element("p", { className: "note" }, "기사를 여는 중입니다."));
  if (!dialog.open) dialog.showModal();
  try {
    place.replaceChildren(heading, ...content(await article(reference(citation)), citation));
    const found = place.querySelector("mark");
    if (found) found.scrollIntoView({ block: "center" });
    else dialog.scrollTop = 0;
  } catch (error) {
    place.replaceChildren(heading, element("p", { className: "note" }, explain(error)));
  }
}

/** How an article is named so that no other is meant: two sources may have the same ids. */
function reference({ source, article_id: id }) {
  return source ? `${source}/${id}` : id;
}

function article(id) {
  return get(`v1/articles/${id.split("/").map(encodeURIComponent).join("/")}`);
}

function content(found, citation) {
  const located = citation.quotes.map((words) => locate(found.body, words));
  const spans = located.filter(Boolean);
  const changed = spans.length < located.length ? [element("p", { className: "warning" },
    "기사가 그 뒤에 고쳐져, 인용한 문장이 지금 기사에는 없습니다.")] : [];
  const subtitles = found.subtitles.map((text) => element("p", { className: "subtitle" }, text));
  const paragraphs = found.paragraphs.map((paragraph) => element("p", {},
    ...parts(paragraph, spans).map(({ text, cited }) => (cited ? element("mark", {}, text) : text))));
  return [
    ...linked(found.corrected_by, "이 기사는 나중에 바로잡혔습니다:"),
    ...linked(found.corrects, "이 기사가 바로잡은 기사:"),
    ...changed, ...subtitles, ...paragraphs,
  ];
}

/** Buttons to the articles that correct this one, or that this one corrects. */
function linked(ids, label) {
  return ids.map((id) => {
    const place = element("p", { className: "warning" }, `${label} `);
    article(id).then((other) => place.append(
      opener(other.title, () => openArticle({ ...other, article_id: other.id, quotes: [] })),
    )).catch(() => {}); // the label alone is worth reading
    return place;
  });
}

// -- keys, and what can be asked -----------------------------------------------------------------

function askForKey() {
  $("#key-value").value = "";
  $("#key").showModal();
}

$("#key form").addEventListener("submit", () => {
  key.set($("#key-value").value);
  if ($("#asked").textContent) answer(asked());
});

async function describeCorpus() {
  try {
    const index = await get("readyz");
    const days = [index.published_from, index.published_to].filter(Boolean)
      .map((date) => date.replaceAll("-", ".")).join("–");
    $("#coverage").textContent = [`기사 ${index.articles.toLocaleString("ko")}건`, days].filter(Boolean).join(" · ");
    rateable = index.feedback;
    for (const [name, values] of [["press", index.presses], ["section", index.sections]]) {
      form.elements[name].append(...values.map((value) => element("option", { value }, value)));
    }
  } catch {
    $("#coverage").textContent = "기사 색인이 아직 준비되지 않았습니다. 잠시 뒤 다시 열어 주세요.";
  }
}

$("#reworded-title span").textContent = SEE_THE_ARTICLE;
$("#leads-title span").textContent = LEADS_TITLE;
$("#leads-note").textContent = NO_ANSWER;
await describeCorpus();
revisit();
