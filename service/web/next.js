// Below the last answer: related questions, a follow-up, a new question.

import { $, button, element, growing } from "./dom.js";
import { post } from "./events.js";
import { reference } from "./pins.js";

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
  let questions;
  try {
    questions = (await post("v1/related", { question: whole.question, articles: whole.citations.map(reference) })).questions;
  } catch {
    return; // the service has none, and they are an aid
  }
  const fresh = (questions ?? []).map((found) => found.question ?? found).filter((question) => !asked.includes(question));
  if (whole !== latest || !fresh.length) return;
  $("#related ul").replaceChildren(...fresh.map((question) =>
    element("li", {}, button("example", question, () => follow(question)))));
  $("#related").hidden = false;
}
