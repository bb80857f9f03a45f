// The form to try the model. It calls only the API of this site, and writes only text. URLs are
// relative: the site can be behind a prefix.
"use strict";

const byId = (id) => document.getElementById(id);
const [form, userInput, itemInput, suggestions, itemList, status, results] = [
  "request", "user", "item", "suggestions", "items", "status", "results",
].map(byId);
const items = new Map(); // id to title, in the order in which they were added
const K = 10;
let searches = 0;
let suggestedFor = ""; // the text that the suggestions match

function element(tag, className, text) {
  const node = document.createElement(tag);
  node.className = className;
  node.textContent = text;
  return node;
}

function showStatus(text, isError = false) {
  status.textContent = text;
  status.classList.toggle("error", isError);
}

async function answer(response) {
  const content = await response.json();
  if (!response.ok) throw new Error(content.detail);
  return content;
}

// Suggest items; an answer to an earlier search is dropped.
async function suggest() {
  const search = ++searches;
  const text = itemInput.value;
  const query = new URLSearchParams({ q: text, k: 15 });
  try {
    const { items: matches } = await answer(await fetch(`v1/items?${query}`));
    if (search !== searches) return;
    suggestedFor = text;
    suggestions.replaceChildren(...matches.map(({ item_id, title }) => {
      const option = document.createElement("option");
      option.value = item_id;
      option.label = title ? `${title} (${item_id})` : item_id;
      option.dataset.title = title ?? "";
      return option;
    }));
  } catch (error) {
    showStatus(`The search failed: ${error.message}`, true);
  }
}

function optionWithId() {
  return [...suggestions.options].find((option) => option.value === itemInput.value.trim());
}

// The text is an id or a whole title; else the first suggestion is taken.
function bestOption() {
  const text = itemInput.value.trim().toLowerCase();
  const options = [...suggestions.options];
  return optionWithId()
    ?? options.find((option) => option.dataset.title.toLowerCase() === text)
    ?? options[0];
}

async function addItem() {
  if (!itemInput.value.trim()) return;
  if (!optionWithId() && suggestedFor !== itemInput.value) { // Enter came before the suggestions
    await suggest();
    if (suggestedFor !== itemInput.value) return; // the text has changed, or the search failed
  }
  const option = bestOption();
  if (!option) {
    showStatus("No item matches.", true);
    return;
  }
  items.set(option.value, option.dataset.title || option.value);
  itemInput.value = suggestedFor = "";
  searches++; // drop the answer to a search that is still running
  suggestions.replaceChildren();
  showItems();
}

function showItems() {
  itemList.replaceChildren(...[...items].map(([id, title]) => {
    const line = document.createElement("li");
    const button = element("button", "", title);
    button.type = "button";
    button.setAttribute("aria-label", `Remove ${title}`);
    button.addEventListener("click", () => {
      items.delete(id);
      showItems();
      itemInput.focus();
    });
    line.append(button);
    return line;
  }));
}

function reasonText({ item_id, title, share }) {
  return `${title ?? item_id ?? "others"} (${share.toFixed(3)})`;
}

function resultLine({ item_id, title, score, because }, highestScore) {
  const line = document.createElement("li");
  const name = element("span", "name", title ?? item_id);
  if (title) name.append(element("span", "id", item_id));
  const meter = document.createElement("meter");
  meter.max = highestScore || 1;
  meter.value = score;
  meter.setAttribute("aria-hidden", "true");
  line.append(name, element("span", "score", score.toFixed(3)), meter);
  if (because.length) {
    const strongest = because.slice(0, 3).map(reasonText).join(", ");
    const more = because.length > 3 ? ", …" : "";
    line.append(element("span", "why", `because of ${strongest}${more}`));
  }
  return line;
}

function showResults({ items: recommended, fallback, unknown_items: unknown, model }) {
  const highestScore = recommended.length ? recommended[0].score : 1;
  results.replaceChildren(...recommended.map((item) => resultLine(item, highestScore)));
  const personal = recommended.length
    ? `${recommended.length} recommendations`
    : "Nothing is left to recommend";
  const summary = fallback ? "No personal recommendations: these items are popular" : personal;
  const missing = unknown.length ? `; not in the model: ${unknown.join(", ")}` : "";
  showStatus(`${summary}${missing}. Answered by build ${model.build}.`);
}

async function recommend() {
  const request = { k: K, explain: true };
  if (userInput.value.trim()) request.user_id = userInput.value.trim();
  if (items.size) request.items = [...items.keys()];
  if (!request.user_id && !request.items) {
    showStatus("Enter a user id, or add an item.", true);
    userInput.focus();
    return;
  }
  try {
    showResults(await answer(await fetch("v1/recommendations", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(request),
    })));
  } catch (error) {
    results.replaceChildren();
    showStatus(`No answer: ${error.message}`, true);
  }
}

itemInput.addEventListener("input", (event) => {
  // A pick from the list replaces the whole text at once; typing does not.
  if (event.inputType === "insertReplacementText" || !event.inputType) addItem();
  else suggest();
});
itemInput.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !itemInput.value.trim()) return;
  event.preventDefault();
  addItem();
});
byId("add").addEventListener("click", addItem);
form.addEventListener("submit", (event) => {
  event.preventDefault();
  recommend();
});
