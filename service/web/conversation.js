// The questions on the page, one below the other, and the address that has them.

import { MAX_TURNS, toHash } from "./link.js";
import { Turn } from "./turn.js";

export class Conversation {
  #place;
  #hooks;
  #turns = [];
  #wanted = []; // all that is to be on the page, asked or not
  #asking = null; // AbortController of what is under way

  /** In an element; the hooks are changed(), refused() and the promise rateable, as Turn has them. */
  constructor(place, { changed, rateable, refused }) {
    this.#place = place;
    this.#hooks = {
      rateable,
      refused,
      changed,
      link: (turn) => new URL(this.#address(this.#turns.indexOf(turn) + 1), location.href).href,
      again: (turn) => this.#ask(this.#turns.indexOf(turn), this.#wanted),
      as: (turn, mode) => this.#as(turn, mode),
    };
  }

  get isAsking() {
    return this.#asking !== null;
  }

  /** The last turn, or undefined. */
  get last() {
    return this.#turns.at(-1);
  }

  /** All that was asked. */
  get questions() {
    return this.#turns.map(({ asked }) => asked.question);
  }

  stop() {
    this.#asking?.abort();
  }

  /** Ask again what has no answer yet. */
  retry() {
    const at = this.#turns.findIndex(({ whole }) => !whole);
    if (at >= 0) this.#ask(at, this.#wanted);
  }

  /** Bring the page to these questions: what is there already stays, the rest is asked in order. */
  show(wanted) {
    const [kept, known] = this.#shared(wanted);
    this.#ask(kept, [...this.#wanted.slice(0, kept), ...wanted.slice(known)]);
  }

  /** Ask a question alone. */
  begin(asked) {
    this.#visit([asked]);
    this.#ask(0, [asked]);
  }

  /** Ask a question after the others, under the conditions of the last. */
  follow(question) {
    const { from, to, press, section } = this.last.asked;
    const wanted = [...this.#wanted, { question, from, to, press, section, mode: "" }];
    this.#visit(wanted);
    this.#ask(this.#turns.length, wanted);
    this.last.focus();
  }

  /** Tell the last question in another way, in the place of the answer. */
  #as(turn, mode) {
    const at = this.#turns.indexOf(turn);
    const wanted = [...this.#wanted.slice(0, at), { ...turn.asked, mode }];
    this.#visit(wanted);
    this.#ask(at, wanted);
    this.last.focus();
  }

  #visit(wanted) {
    const hash = toHash(wanted);
    if (location.hash !== hash) history.pushState(null, "", hash);
  }

  #address(count) {
    return toHash(this.#wanted.slice(0, count));
  }

  /** How many turns on the page lead to the wanted ones, and how many of these they are. */
  #shared(wanted) {
    for (let known = wanted.length; known > 0; known -= 1) {
      const address = toHash(wanted.slice(0, known));
      const at = this.#turns.findIndex((_, n) => this.#address(n + 1) === address);
      if (at >= 0) return [at + 1, known];
    }
    return [0, 0];
  }

  /** Keep the first turns, and ask the rest of the wanted in order, until one fails. */
  async #ask(kept, wanted) {
    this.stop();
    const mine = (this.#asking = new AbortController());
    for (const turn of this.#turns.splice(kept)) turn.node.remove();
    this.#wanted = wanted;
    try {
      while (this.#turns.length < wanted.length) {
        const before = this.#turns.slice(-MAX_TURNS).flatMap((turn) => turn.messages);
        if (!(await this.#add(wanted[this.#turns.length]).ask(before, mine.signal))) break;
        if (mine !== this.#asking) return;
      }
    } finally {
      if (mine === this.#asking) {
        this.#asking = null;
        this.#hooks.changed();
      }
    }
  }

  #add(asked) {
    const turn = new Turn(asked, this.#hooks);
    this.#turns.push(turn);
    this.#place.append(turn.node);
    this.#hooks.changed();
    return turn;
  }
}
