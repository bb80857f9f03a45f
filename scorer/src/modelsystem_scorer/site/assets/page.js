// The box to try the model. It asks only the API of this site, and writes only text.
"use strict";

const byId = (id) => document.getElementById(id);
const [form, user, item, found, chosen, status, results] = [
  "ask", "user", "item", "found", "chosen", "status", "results",
].map(byId);
const items = new Map(); // id to title, in the order in which they were added
const SHOWN = 10;
let lookup = 0;
let completed = ""; // the text that what is offered belongs to

function element(tag, className, text) {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

function say(text, isBad = false) {
  status.textContent = text;
  status.classList.toggle("bad", isBad);
}

async function answer(response) {
  const content = await response.json();
  if (!response.ok) throw new Error(content.detail);
  return content;
}

// Offer what matches; an answer that comes too late is dropped.
async function complete() {
  const number = ++lookup;
  const typed = item.value;
  const query = new URLSearchParams({ q: typed, k: 15 });
  try {
    const { items: matches } = await answer(await fetch(`/v1/items?${query}`));
    if (number !== lookup) return;
    completed = typed;
    found.replaceChildren(...matches.map(({ item_id, title }) => {
      const option = document.createElement("option");
      option.value = item_id;
      option.label = title ? `${title} (${item_id})` : item_id;
      option.dataset.title = title ?? "";
      return option;
    }));
  } catch (error) {
    say(`The titles cannot be searched: ${error.message}`, true);
  }
}

function picked() {
  return [...found.options].find((o) => o.value === item.value.trim());
}

// What was typed names an item when it is an id or a whole title, or when only one is offered.
function meant() {
  const typed = item.value.trim().toLowerCase();
  const options = [...found.options];
  return picked()
    ?? options.find((o) => o.dataset.title.toLowerCase() === typed)
    ?? options[0];
}

async function add() {
  if (!item.value.trim()) return;
  if (!picked() && completed !== item.value) { // Enter was quicker than the titles
    await complete();
    if (completed !== item.value) return; // the text has changed since, or there are no titles
  }
  const option = meant();
  if (!option) {
    say("No item matches that.", true);
    return;
  }
  items.set(option.value, option.dataset.title || option.value);
  item.value = completed = "";
  lookup++; // an answer that is still under way is for text that is gone
  found.replaceChildren();
  showChosen();
}

function showChosen() {
  chosen.replaceChildren(...[...items].map(([id, title]) => {
    const line = document.createElement("li");
    const button = element("button", "", title);
    button.type = "button";
    button.setAttribute("aria-label", `Remove ${title}`);
    button.addEventListener("click", () => {
      items.delete(id);
      showChosen();
      item.focus();
    });
    line.append(button);
    return line;
  }));
}

function reason({ item_id, title, share }) {
  return `${title ?? item_id ?? "others"} (${share.toFixed(3)})`;
}

function line(recommended, highest) {
  const { item_id, title, score, because } = recommended;
  const made = document.createElement("li");
  const name = element("span", "name", title ?? item_id);
  if (title) name.append(element("span", "id", item_id));
  const meter = document.createElement("meter");
  meter.max = highest || 1;
  meter.value = score;
  meter.setAttribute("aria-hidden", "true");
  made.append(name, element("span", "score", score.toFixed(3)), meter);
  if (because.length) {
    const strongest = because.slice(0, 3).map(reason).join(", ");
    const more = because.length > 3 ? ", …" : "";
    made.append(element("span", "why", `because of ${strongest}${more}`));
  }
  return made;
}

function show({ items: recommended, fallback, unknown_items: unknown, model }) {
  const highest = recommended.length ? recommended[0].score : 1;
  results.replaceChildren(...recommended.map((one) => line(one, highest)));
  const what = fallback
    ? "Nothing is known of this user, so these are the most popular items"
    : `${recommended.length} recommendations`;
  const lacking = unknown.length ? `; not in the model: ${unknown.join(", ")}` : "";
  say(`${what}${lacking}. Build ${model.build} answered.`);
}

async function recommend() {
  const asked = { k: SHOWN, explain: true };
  if (user.value.trim()) asked.user_id = user.value.trim();
  if (items.size) asked.items = [...items.keys()];
  if (!asked.user_id && !asked.items) {
    say("Name a user, or add an item first.", true);
    user.focus();
    return;
  }
  try {
    show(await answer(await fetch("/v1/recommendations", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(asked),
    })));
  } catch (error) {
    results.replaceChildren();
    say(`No answer: ${error.message}`, true);
  }
}

item.addEventListener("input", (event) => {
  // A pick from the list replaces the whole text at once; typing does not.
  if (event.inputType === "insertReplacementText" || !event.inputType) add();
  else complete();
});
item.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !item.value.trim()) return;
  event.preventDefault();
  add();
});
byId("add").addEventListener("click", add);
form.addEventListener("submit", (event) => {
  event.preventDefault();
  recommend();
});
