// Cited words that the reader keeps, in this browser alone.

export const PLACE = "gisa-pins";
export const MAX_PINS = 200;

/** How an article is named so that no other is meant: two sources may have the same ids. */
export function reference({ source, article_id: id }) {
  return source ? `${source}/${id}` : id;
}

/** What names the cited words: their article and their place in it. */
export function pinKey(citation) {
  return JSON.stringify([reference(citation), citation.start, citation.end]);
}

const KEPT = [
  "article_id", "source", "title", "press", "published_at", "reporters", "url", "page", "excerpt",
  "start", "end", "quote", "quotes", "answer_spans",
];

/** The pins in a storage, which may be full, broken or forbidden: then they last as long as the page. */
export class Pins extends EventTarget {
  #storage;
  #pins;

  /** `storage` gives the Storage when called, and may throw. */
  constructor(storage) {
    super();
    this.#storage = storage;
    this.#pins = this.#read();
  }

  /** Newest last. */
  get all() {
    return [...this.#pins.values()];
  }

  has(citation) {
    return this.#pins.has(pinKey(citation));
  }

  /** Keep the words, or let go of them. As many as can be kept: nothing changes, and "full" tells. */
  toggle(citation) {
    const key = pinKey(citation);
    if (!this.#pins.delete(key)) {
      if (this.#pins.size >= MAX_PINS) {
        this.dispatchEvent(new Event("full"));
        return;
      }
      this.#pins.set(key, Object.fromEntries(KEPT.map((name) => [name, citation[name] ?? null])));
    }
    this.#write();
  }

  /** Keep these instead. */
  replace(pins) {
    this.#pins = new Map(pins.map((pin) => [pinKey(pin), pin]));
    this.#write();
  }

  /** What another window of the page did. */
  reread() {
    this.#pins = this.#read();
    this.dispatchEvent(new Event("change"));
  }

  #read() {
    try {
      const kept = JSON.parse(this.#storage().getItem(PLACE) ?? "[]");
      return new Map(kept.filter(isPin).slice(0, MAX_PINS).map((pin) => [pinKey(pin), pin]));
    } catch {
      return new Map();
    }
  }

  #write() {
    try {
      this.#storage().setItem(PLACE, JSON.stringify(this.all));
    } catch { /* they last as long as the page */ }
    this.dispatchEvent(new Event("change"));
  }
}

function isPin(pin) {
  const places = [pin?.start, pin?.end].every(Number.isInteger);
  const lists = [pin?.reporters, pin?.answer_spans].every((list) => Array.isArray(list ?? []));
  return places && lists && typeof pin.article_id === "string" && typeof pin.title === "string"
    && Array.isArray(pin.quotes) && pin.quotes.every((quote) => typeof quote?.text === "string");
}

export const pins = new Pins(() => localStorage);
