// The sentences of the answer on show: each with its numbers and its grade, which a judge may still change.

import { GRADES, sentenceText } from "./wording.js";

/** Sentences by their place among those sent. A verdict changes a sentence where it stands and moves no other word. */
export class Sentences {
  #place;
  #icons;
  #marker;
  #rows = new Map(); // place -> {sentence, sources, grade, node}

  /** In an element; `icons` is a template with one svg a grade, `marker` makes the button of a number. */
  constructor(place, icons, marker) {
    [this.#place, this.#icons, this.#marker] = [place, icons, marker];
  }

  clear() {
    this.#rows.clear();
    this.#place.replaceChildren();
  }

  /** Add a sentence, which may come after later ones if it waited for a judge; `sources` name its articles. */
  add(place, sentence, sources, grade) {
    const node = document.createElement("span");
    const end = document.createElement("span"); // not broken, or a grade would seem the next sentence's
    const badge = document.createElement("span");
    [node.className, end.className, badge.className] = ["sentence", "end", "grade"];
    const markers = sentence.citations.map((number) => this.#marker(number));
    end.append(...markers.slice(-1), badge);
    node.append(sentence.text, ...markers.slice(0, -1), end);
    const old = this.#rows.get(place);
    if (old) old.node.replaceWith(node);
    else {
      const next = this.#ordered().find(([other]) => other > place);
      this.#place.insertBefore(node, next?.[1].node ?? null);
      node.after(" ");
    }
    this.#rows.set(place, { sentence, sources, node });
    this.grade(place, grade);
  }

  /** Show a grade: one of a whole answer, "pending" or "withdrawn". */
  grade(place, grade) {
    const row = this.#rows.get(place);
    if (row.grade === grade) return;
    row.grade = row.node.dataset.grade = grade;
    const icon = this.#icons.content.querySelector(`[data-grade="${grade}"]`).cloneNode(true);
    row.node.querySelector(".grade").replaceChildren(icon, GRADES[grade]);
  }

  /** Bring them to what the whole answer says; what is right already is left alone, what was withdrawn stays struck. */
  settle(sentences, sourcesOf) {
    this.#kept().forEach(([place, row], at) => {
      const sentence = sentences[at];
      const sources = sourcesOf(sentence);
      if (`${sentence.citations} ${sources}` !== `${row.sentence.citations} ${row.sources}`) {
        this.add(place, sentence, sources, sentence.support);
      } else this.grade(place, sentence.support);
    });
  }

  /** No verdict will come any more: what the facts alone allow stands. */
  giveUp() {
    for (const [place, { grade, sentence }] of this.#rows) {
      if (grade === "pending") this.grade(place, sentence.support);
    }
  }

  /** Those in other words than the article's. */
  get reworded() {
    return this.#kept().filter(([, { grade }]) => grade === "reworded").map(([, { sentence }]) => sentence);
  }

  /** What has not been withdrawn, as text. */
  get text() {
    return this.#kept().map(([, { sentence, grade }]) => sentenceText({ ...sentence, support: grade })).join(" ");
  }

  #kept() {
    return this.#ordered().filter(([, { grade }]) => grade !== "withdrawn");
  }

  #ordered() {
    return [...this.#rows].sort(([one], [two]) => one - two);
  }
}
