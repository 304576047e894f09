// What is shown of an article: a source of the answer, a near article in the place of one, one that was read.

import { openArticle, opener, original, others } from "./article.js";
import { element } from "./dom.js";
import { marked } from "./highlight.js";
import { pinButton } from "./pinning.js";
import { reference } from "./pins.js";
import { facts } from "./wording.js";

/** The line of a source below the sentence that first cites it; its words are the sentence's, or stand beside it. */
export function source(citation, corrected) {
  return element("li", { className: "source" },
    element("span", { className: "number", ariaHidden: "true" }, `${citation.number}`),
    element("div", {}, ...described(citation, corrected)));
}

/** A near article in the place of an answer: without a number, as nothing rests on it. */
export function lead(citation, corrected) {
  const [title, ...rest] = described(citation, corrected);
  return element("li", {}, title, element("blockquote", {}, ...quoted(citation)), ...rest);
}

/** An article that was read. */
export function looked(article) {
  const whole = { ...article, article_id: article.id, quotes: [] };
  return element("li", {}, opener(article.title, () => openArticle(whole)),
    element("p", { className: "note" }, facts(article)));
}

/** The cited words, a paragraph each, with what answers marked in them. */
export function quoted(citation) {
  return marked(citation).map((words) => element("p", {}, ...highlighted(words)));
}

/** Parts of a text as nodes. */
export function highlighted(words) {
  return words.map(({ text, cited }) => (cited ? element("mark", {}, text) : text));
}

/** A citation as a footnote on paper, where nothing can be pressed. */
export function footnote(citation) {
  const said = citation.quotes.map(({ text }) => `“${text}”`).join(" ");
  const told = [`[${citation.number}] ${citation.title}. ${facts(citation)}.`, said, citation.url];
  return element("li", {}, told.filter(Boolean).join(" "));
}

function described(citation, corrected) {
  return [
    opener(citation.title, () => openArticle(citation)),
    element("p", { className: "note" }, facts(citation), " ", original(citation) ?? "", pinButton(citation)),
    corrected.has(reference(citation))
      ? element("p", { className: "warning" }, "나중에 바로잡힌 기사입니다. 기사를 열어 확인하세요.") : null,
    others(citation),
  ].filter(Boolean);
}
