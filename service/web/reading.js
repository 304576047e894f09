// The reading column: each sentence of the answer, below it the source that it is the first to cite, and the source's
// words where the sentence is not these words itself. A judge may still change a grade; that moves no other word.

import { element } from "./dom.js";
import { locate, parts, unread } from "./highlight.js";
import { reference } from "./pins.js";
import { highlighted, source } from "./sources.js";
import { facts, GRADES, ORIGINALS, sentencesText } from "./wording.js";

const squeeze = (text) => text.replace(/\s/g, "");

/** Sentences by their place among those sent. */
export class Reading {
  #place;
  #icons;
  #open;
  #corrected = new Map();
  #rows = new Map(); // place -> {place, sentence, articles, grade, node, block, original}
  #citations = new Map(); // article -> its citation as last told
  #lines = new Map(); // article -> the line of the source
  #read = new Map(); // article -> spans of its body that are on show

  /** In an element; `icons` is a template with one svg a grade, `open` opens a citation at an offset of its article. */
  constructor(place, icons, open) {
    [this.#place, this.#icons, this.#open] = [place, icons, open];
  }

  /** Say which articles are corrected by others: article -> their ids. */
  set corrected(found) {
    this.#corrected = found;
  }

  clear() {
    for (const kept of [this.#rows, this.#citations, this.#lines, this.#read]) kept.clear();
    this.#place.replaceChildren();
  }

  /** Add a sentence with all that it cites; it may come after later ones if it waited for a judge. */
  add(place, sentence, citations, grade) {
    const row = { place, sentence, articles: citations.map(reference) };
    for (const citation of citations) this.#citations.set(reference(citation), citation);
    row.node = element("span", { className: "sentence" });
    row.block = this.#blockFor(row);
    this.#rows.set(place, row);
    this.#write(row);
    for (const citation of citations) this.#describe(citation, row.block);
    this.#quote(row, citations, grade);
    this.grade(place, grade);
    this.#mark();
  }

  /** Show a grade: one of a whole answer, "pending" or "withdrawn". */
  grade(place, grade) {
    const row = this.#rows.get(place);
    if (row.grade === grade) return;
    row.grade = row.node.dataset.grade = grade;
    const icon = this.#icons.content.querySelector(`[data-grade="${grade}"]`).cloneNode(true);
    row.node.querySelector(".grade").replaceChildren(icon, GRADES[grade]);
    if (row.original) {
      row.original.dataset.grade = grade;
      row.original.querySelector("figcaption").textContent = ORIGINALS[grade];
    }
    const all = this.#ordered().filter(({ block }) => block === row.block);
    row.block.classList.toggle("gone", all.every((one) => one.grade === "withdrawn"));
  }

  /** Bring everything to what the whole answer says; what was withdrawn stays struck. */
  settle({ sentences, citations }) {
    for (const citation of citations) this.#citations.set(reference(citation), citation);
    this.#kept().forEach((row, at) => {
      const cited = sentences[at].citations.map((number) => citations[number - 1]);
      [row.sentence, row.articles] = [sentences[at], cited.map(reference)];
      this.#write(row);
      this.grade(row.place, row.sentence.support);
      for (const citation of cited) this.#describe(citation, row.block);
    });
    this.#mark();
  }

  /** No verdict will come any more: what the facts alone allow stands. */
  giveUp() {
    for (const row of this.#kept()) if (row.grade === "pending") this.grade(row.place, row.sentence.support);
  }

  /** What has not been withdrawn, as text. */
  get text() {
    return sentencesText(this.#kept().map(({ sentence, grade }) => ({ ...sentence, support: grade })));
  }

  /** The block of a sentence: that of the one before it, if both rest on the same articles, or a new one. */
  #blockFor({ place, sentence, articles, node }) {
    const rows = this.#ordered();
    const before = rows.findLast((row) => row.place < place);
    if (!sentence.label && before?.place === place - 1 && `${before.articles}` === `${articles}`) {
      before.node.after(" ", node);
      return before.block;
    }
    const block = element("div", { className: "block" },
      element("p", { className: "said" }, node),
      element("div", { className: "evidence", ariaLive: "off" }, element("ul", {})));
    if (sentence.label) block.prepend(element("p", { className: "label" }, sentence.label));
    const after = rows.find((row) => row.place > place);
    this.#place.insertBefore(block, after?.block ?? null);
    return block;
  }

  /** The words of a sentence with its numbers; only what changed is touched, as a change is read aloud. */
  #write(row) {
    const { sentence, articles, node } = row;
    const wanted = `${sentence.text} ${sentence.citations} ${articles}`;
    if (row.written === wanted) return;
    row.written = wanted;
    const badge = node.querySelector(".grade") ?? element("span", { className: "grade" });
    const markers = sentence.citations.map((number, at) => this.#marker(number, articles[at], row));
    const end = element("span", { className: "end" }, ...markers.slice(-1), badge); // not broken before the grade
    node.replaceChildren(element("span", { className: "words" }, sentence.text), ...markers.slice(0, -1), end);
    row.marks = "";
  }

  #marker(number, article, row) {
    const { title, press } = this.#citations.get(article);
    const label = `출처 ${number}: ${[press, title].filter(Boolean).join(" ")}`;
    const made = element("button", { type: "button", className: "marker", ariaLabel: label, title: label }, `${number}`);
    made.addEventListener("click", () => this.#open(this.#citations.get(article), row.start));
    return made;
  }

  /** The line of a source, where it is cited first; or, if that was withdrawn, where it is cited next. */
  #describe(citation, block) {
    const article = reference(citation);
    const line = source(citation, this.#corrected);
    const old = this.#lines.get(article);
    if (!old || old.closest(".gone")) block.querySelector("ul").append(line);
    else if (old.told === JSON.stringify(citation)) return;
    else old.replaceWith(line);
    line.told = JSON.stringify(citation);
    this.#lines.set(article, line);
  }

  /** The words of the articles below a sentence, unless the sentence is these words or they are on show. */
  #quote(row, citations, grade) {
    const pieces = citations.map((citation) => [citation, this.#fresh(citation, row.sentence)]);
    let shown = pieces.filter(([, found]) => found.length);
    const isOpen = grade === "reworded" || grade === "pending";
    if (!shown.length && isOpen) shown = citations.map((citation) => [citation, citation.quotes]);
    row.start = pieces[0]?.[1][0]?.start;
    if (!shown.length) return;
    row.original = element("figure", { className: "original" }, element("figcaption", {}),
      ...shown.map(([citation, found]) => element("blockquote", {},
        ...found.map((piece) => quotedPiece(piece, citation)),
        this.#lines.get(reference(citation)).closest(".block") === row.block && shown.length === 1
          ? null : element("p", { className: "note" }, `[${citation.number}] ${facts(citation)}`))));
    row.block.querySelector(".evidence").append(row.original);
  }

  /** What of a citation is not on show yet, apart from the words of the sentence itself. */
  #fresh(citation, sentence) {
    const article = reference(citation);
    const read = this.#read.get(article) ?? [];
    const pieces = unread(citation.quotes, read);
    this.#read.set(article, [...read, ...citation.quotes]);
    return pieces.filter(({ text }) => !squeeze(sentence.text).includes(squeeze(text)));
  }

  /** Mark the words that answer, in sentences that are an article's words and in the words below the others. */
  #mark() {
    for (const row of this.#rows.values()) this.#markSentence(row);
    for (const node of this.#place.querySelectorAll("[data-article]")) {
      const spans = answering(this.#citations.get(node.dataset.article));
      const piece = { text: node.textContent, start: Number(node.dataset.start) };
      const length = Array.from(piece.text).length;
      node.replaceChildren(...highlighted(parts({ ...piece, end: piece.start + length }, spans)));
    }
  }

  #markSentence(row) {
    const { text } = row.sentence;
    for (const citation of row.articles.map((article) => this.#citations.get(article))) {
      const found = placeOf(text, citation.quotes);
      if (!found) continue;
      row.start = found.start;
      const marks = JSON.stringify(answering(citation));
      if (row.marks === marks) return;
      row.marks = marks;
      row.node.querySelector(".words").replaceChildren(...highlighted(parts({ text, ...found }, answering(citation))));
      return;
    }
  }

  #kept() {
    return this.#ordered().filter(({ grade }) => grade !== "withdrawn");
  }

  #ordered() {
    return [...this.#rows.values()].sort((one, other) => one.place - other.place);
  }
}

function quotedPiece({ text, start }, citation) {
  const blanks = text.length - text.trimStart().length;
  return element("p", { dataset: { article: reference(citation), start: start + blanks } }, text.trim());
}

/** The words that answer, as offsets in the body. */
function answering({ start, answer_spans: spans = [] }) {
  return spans.map((span) => ({ start: start + span.start, end: start + span.end }));
}

/** Where in the body a sentence stands, if it is the very words of a quote. */
function placeOf(text, quotes) {
  for (const quote of quotes) {
    const found = locate(quote.text, { text, start: 0, end: 0 });
    if (found) return { start: quote.start + found.start, end: quote.start + found.end };
  }
  return null;
}
