// One question on the page with its answer: asked, shown as it comes, rated, copied.

import { openArticle } from "./article.js";
import { copy, element, $, show } from "./dom.js";
import { ask, explain, post } from "./events.js";
import { toRequest } from "./link.js";
import { reference } from "./pins.js";
import { Reading } from "./reading.js";
import { footnote, lead, looked } from "./sources.js";
import { LEADS_TITLE, NO_ANSWER, plainText, remarks, understanding } from "./wording.js";

const PATIENCE_MS = 8_000; // then the reader is told that it takes long
const MAX_SAID = 20_000; // characters of one message of a conversation

let made = 0;

export class Turn {
  #part;
  #reading;
  #corrected = new Map(); // article -> ids of the articles that correct it
  #hooks;
  whole = null; // the whole answer, once it is there

  /**
   * A question, {question, from, to, press, section, mode}. The hooks: link() gives its address, again() asks it
   * again, as(mode) asks it in another mode, refused() is called when a key is needed; rateable is a promise whether
   * the service takes ratings.
   */
  constructor(asked, hooks) {
    [this.asked, this.#hooks] = [asked, hooks];
    this.node = $("#turn").content.firstElementChild.cloneNode(true);
    this.#part = (name) => this.node.querySelector(`[data-part="${name}"]`);
    this.#part("asked").textContent = asked.question.trim();
    this.#label();
    this.#reading = new Reading(this.#part("text"), $("#icons"), openArticle);
    this.#listen();
  }

  /** Ids for what names other things, different in each turn. */
  #label() {
    made += 1;
    const named = (name) => (this.#part(name).id = `${name}-${made}`);
    this.node.setAttribute("aria-labelledby", named("asked"));
    this.#part("leads").setAttribute("aria-labelledby", named("leads-title"));
    this.#part("leads").setAttribute("aria-describedby", named("leads-note"));
    this.#part("comment").querySelector("label").htmlFor = named("why");
    this.#part("leads-title").querySelector("span").textContent = LEADS_TITLE;
    this.#part("leads-note").textContent = NO_ANSWER;
  }

  /** The question and what was answered, as messages of a conversation. */
  get messages() {
    const said = this.whole?.text ?? this.#reading.text;
    return [["user", this.asked.question.trim()], ["assistant", said]].filter(([, text]) => text)
      .map(([role, content]) => ({ role, content: content.slice(0, MAX_SAID) }));
  }

  /** Bring the question to the top of the window, where reading goes on. */
  focus() {
    this.#part("asked").focus({ preventScroll: true });
    this.node.scrollIntoView({ block: "start" });
  }

  /** Ask, after what was said before; whether there is an answer. */
  async ask(conversation, signal) {
    const status = this.#part("status");
    let late = 0;
    const expectMore = () => {
      clearTimeout(late);
      late = setTimeout(() => show(status, "시간이 걸리고 있습니다. Esc를 누르면 멈춥니다."), PATIENCE_MS);
    };
    this.node.classList.add("busy");
    show(status, "기사를 찾고 있습니다.");
    try {
      expectMore();
      for await (const event of ask(toRequest(this.asked, conversation), signal)) {
        signal.throwIfAborted();
        this.#steps[event.name]?.(event.data);
        expectMore();
      }
      show(status, "");
      return true;
    } catch (error) {
      this.#failed(error);
      return false;
    } finally {
      clearTimeout(late);
      this.node.classList.remove("busy");
    }
  }

  #steps = {
    interpreted: (interpreted) => {
      const phrases = understanding(interpreted);
      this.#part("understood").replaceChildren(...phrases.map((text) => element("li", {}, text)));
      this.#part("understood").hidden = !phrases.length;
      show(this.#part("note"), interpreted.note ?? "");
    },
    passages: ({ hits }) => {
      const name = (found) => reference({ ...found, article_id: found.id });
      const articles = new Map(hits.map((hit) => [name(hit.article), hit.article]));
      for (const [id, { corrected_by: by }] of articles) if (by.length) this.#corrected.set(id, by);
      this.#reading.corrected = this.#corrected;
      this.#list("looked").replaceChildren(...[...articles.values()].map(looked));
      show(this.#part("status"), articles.size ? `기사 ${articles.size}건을 읽고 있습니다.` : "");
    },
    sentence: ({ index, sentence, citations, pending }) => {
      this.#reading.add(index, sentence, citations, pending ? "pending" : sentence.support);
    },
    graded: ({ index, support }) => this.#reading.grade(index, support),
    withdrawn: ({ index }) => {
      this.#reading.grade(index, "withdrawn");
      this.#part("withdrawn").hidden = false;
    },
    done: (whole) => this.#done(whole),
  };

  #done(whole) {
    this.whole = whole;
    this.#steps.interpreted(whole.interpreted);
    const answered = whole.status === "answered";
    if (answered) this.#reading.settle(whole);
    else this.#abstain(whole);
    show(this.#part("remark"), remarks(whole).join(" "));
    this.#part("looked").hidden = answered || !this.#list("looked").children.length;
    this.#part("footnotes").replaceChildren(...(answered ? whole.citations.map(footnote) : []));
    this.#hooks.rateable.then((yes) => (this.#part("rating").hidden = !yes));
    this.#part("rating").ariaLabel = answered ? "이 답이 도움이 되었나요?" : "이 결과가 도움이 되었나요?";
    this.#part("copy").textContent = this.#part("leads").hidden ? "출처와 함께 복사" : "기사와 함께 복사";
    this.#offerMode(whole);
    this.#part("actions").hidden = false;
  }

  /** Say that there is no answer, in the place of whatever was withdrawn, and show the articles that are near. */
  #abstain(whole) {
    this.#reading.clear();
    this.#part("text").append(element("p", { className: "absent" }, whole.text));
    this.#part("withdrawn").hidden = true;
    this.#list("leads").replaceChildren(...whole.citations.map((citation) => lead(citation, this.#corrected)));
    this.#part("leads").hidden = !whole.citations.length;
  }

  /** The other way to tell it, where the service knows one: as a course of events, or as an answer. */
  #offerMode({ interpreted, status }) {
    const mode = interpreted.mode === "timeline" ? "answer" : "timeline";
    const button = this.#part("mode");
    button.hidden = interpreted.mode === undefined || status !== "answered" || this.asked.mode === mode;
    button.textContent = mode === "timeline" ? "경과로 보기" : "답으로 보기";
    button.value = mode;
  }

  #failed(error) {
    show(this.#part("status"), explain(error));
    this.#reading.giveUp();
    this.#part("rating").hidden = this.#part("mode").hidden = true;
    this.#part("actions").hidden = this.#part("again").hidden = false;
    if (error.code === "key_unknown") this.#hooks.refused();
  }

  #list(name) {
    return this.#part(name).querySelector("ul");
  }

  #listen() {
    const done = this.#part("done");
    this.#part("again").addEventListener("click", () => this.#hooks.again(this));
    this.#part("mode").addEventListener("click", ({ target }) => this.#hooks.as(this, target.value));
    this.#part("link").addEventListener("click", () => copy(this.#hooks.link(this), done, "이 질문의 링크를 복사했습니다."));
    this.#part("copy").addEventListener("click", () => {
      const begun = `${this.asked.question.trim()}\n\n${this.#reading.text}`;
      copy(this.whole ? plainText(this.whole, this.#hooks.link(this)) : begun, done, "복사했습니다.");
    });
    this.#part("rating").addEventListener("click", ({ target }) => this.#rate(target.closest("button")));
    this.#part("comment").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#comment();
    });
  }

  async #rate(button) {
    if (!button || !this.whole || !(await this.#rated({ rating: button.value }))) return;
    for (const one of this.#part("rating").children) one.ariaPressed = String(one === button);
    this.#part("comment").hidden = button.value !== "down";
    if (button.value === "down") this.#part("why").focus();
  }

  async #comment() {
    const why = this.#part("why");
    if (!(await this.#rated({ rating: "down", comment: why.value.trim() || null }))) return;
    this.#part("comment").hidden = true;
    why.value = "";
  }

  async #rated(feedback) {
    try {
      await post("v1/feedback", { answer_id: this.whole.id, ...feedback });
      show(this.#part("done"), "고맙습니다.");
      return true;
    } catch (error) {
      show(this.#part("done"), explain(error));
      return false;
    }
  }
}
