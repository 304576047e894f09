// Below the last answer: related questions, a follow-up, a new question.

import { $, button, element, growing } from "./dom.js";
import { post } from "./events.js";
import { reference } from "./pins.js";

const MOST_ARTICLES = 10; // that the service looks around
const place = $("#next");
const box = $("#follow-up");

/** Let the reader go on in a conversation; `renew` starts over. */
export function offerNext(conversation, renew) {
  const fit = growing(box);
  const follow = (question) => {
    box.value = "";
    fit();
    conversation.follow(question);
  };
  $("#follow").addEventListener("submit", (event) => {
    event.preventDefault();
    if (box.value.trim()) follow(box.value.trim());
  });
  $("#renew").addEventListener("click", renew);
  return () => update(conversation, follow);
}

let latest = null; // the answer whose related questions are wanted

function update(conversation, follow) {
  const { last, isAsking } = conversation;
  place.hidden = isAsking || !last;
  $("#related").hidden = true;
  latest = isAsking ? null : last?.whole ?? null;
  if (latest) relate(latest, conversation.questions, follow);
}

/** Offer what is near an answer and was not asked yet. */
async function relate(whole, asked, follow) {
  const articles = whole.citations.slice(0, MOST_ARTICLES).map(reference);
  if (!articles.length) return;
  const wanted = { question: whole.question, articles };
  const { questions } = await post("v1/related", wanted).catch(() => ({ questions: [] })); // they are an aid
  const fresh = questions.map(({ question }) => question).filter((question) => !asked.includes(question));
  if (whole !== latest || !fresh.length) return;
  $("#related ul").replaceChildren(...fresh.map((question) =>
    element("li", {}, button("example", question, () => follow(question)))));
  $("#related").hidden = false;
}
