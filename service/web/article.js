// The article behind a citation: at the words that are cited, with what corrects it and who else tells it.

import { element, $, button, show } from "./dom.js";
import { explain, get } from "./events.js";
import { locate, parts, sentencesOf } from "./highlight.js";
import * as panel from "./panel.js";
import { pinButton } from "./pinning.js";
import { reference } from "./pins.js";
import { facts } from "./wording.js";

let latest = 0; // which article was asked for last; an earlier one that comes late is not shown

/** Open the article of a citation at an offset of its body, or else at the first cited words. */
export async function openArticle(citation, at = citation.start) {
  const mine = ++latest;
  const place = $("#article-content");
  const heading = element("h2", { id: "article-title" }, citation.title);
  $("#article-facts").replaceChildren(facts(citation), " ", original(citation) ?? "");
  place.replaceChildren(heading, element("p", { className: "note", role: "status" }, "기사를 여는 중입니다."));
  panel.open(panel.article);
  try {
    const found = await article(reference(citation));
    if (mine !== latest) return;
    place.replaceChildren(heading, ...content(found, citation));
    const marks = [...place.querySelectorAll("mark")];
    const start = marks.findLast((mark) => Number(mark.dataset.start) <= at) ?? marks[0];
    if (start) start.scrollIntoView({ block: "center" });
    else panel.article.scrollTop = 0;
  } catch (error) {
    if (mine !== latest) return;
    place.replaceChildren(heading, element("p", { className: "note", role: "status" }, explain(error)));
  }
}

/** A button that looks like a title and opens something. */
export function opener(text, pressed) {
  return button("title", text, pressed);
}

/** A link to the article where it appeared, or null. */
export function original({ url }) {
  if (!/^https?:\/\//i.test(url ?? "")) return null;
  const note = element("span", { className: "unseen" }, "(새 창)");
  return element("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, "원문", note);
}

/** The outlets that have the same story, or null. */
export function others({ also_reported_by: names }) {
  if (!names?.length) return null;
  return element("details", { className: "others" },
    element("summary", {}, `다른 매체 ${names.length}곳`),
    element("p", { className: "note" }, names.join(", ")));
}

function article(id) {
  return get(`v1/articles/${id.split("/").map(encodeURIComponent).join("/")}`);
}

function content(found, citation) {
  const located = citation.quotes.map((words) => locate(found.body, words));
  const spans = located.filter(Boolean);
  const changed = spans.length < located.length ? element("p", { className: "warning" },
    "기사가 그 뒤에 고쳐져, 인용한 문장이 지금 기사에는 없습니다.") : null;
  return [
    ...linked(found.corrected_by, "이 기사는 나중에 바로잡혔습니다:"),
    ...linked(found.corrects, "이 기사가 바로잡은 기사:"),
    changed,
    ...found.subtitles.map((text) => element("p", { className: "subtitle" }, text)),
    ...found.paragraphs.map((paragraph) => element("p", { className: "paragraph" },
      ...sentencesOf(paragraph).map((sentence) => readable(sentence, spans, found)))),
    others(citation),
  ].filter(Boolean);
}

/** A sentence of the article with its cited words marked, to be kept by the button behind it. */
function readable(sentence, spans, found) {
  let start = sentence.start;
  const words = parts(sentence, spans).map(({ text, cited }) => {
    const piece = cited ? element("mark", { dataset: { start } }, text) : text;
    start += Array.from(text).length;
    return piece;
  });
  const text = sentence.text.trim();
  const kept = { ...found, ...sentence, article_id: found.id, end: sentence.start + Array.from(text).length };
  const pin = pinButton({ ...kept, quote: text, quotes: [{ text, start: kept.start, end: kept.end }] }, text);
  return element("span", { className: "line" }, ...words, pin);
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
