// Draws cards with our renderer and with Microsoft's, and compares what is to be seen: texts, facts, pictures, fields and
// buttons, in their order, before and after each button that changes the card. What differs must be told in
// docs/preview.md, and what is told there must differ. Exit codes as in check.mjs.

import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { launch, missing } from "./chromium.mjs";
import { corpus } from "./compare-corpus.mjs";

const here = new URL(".", import.meta.url);
const library = (path) => {
  const file = new URL(`node_modules/${path}`, here);
  return existsSync(file) ? readFileSync(file, "utf8") : missing(`${path} is missing: run \`npm ci\` in tests/browser`);
};
const libraries = [library("adaptivecards/dist/adaptivecards.min.js"), library("markdown-it/dist/markdown-it.min.js")];
const cards = corpus.map(([name, card, differs]) => ({ name, differs, card: { type: "AdaptiveCard", version: "1.5", ...card } }));
// What Herald makes of its own rules and samples.
const folder = process.env.CARDS;
for (const file of folder ? readdirSync(folder).filter((file) => file.endsWith(".json")) : []) {
  const card = JSON.parse(readFileSync(`${folder}/${file}`, "utf8"));
  const differs = card.msteams?.entities?.length ? "mentions" : undefined;
  if (card.type === "AdaptiveCard") cards.push({ name: file, differs, card });
}

const browser = await launch(5);
const page = await browser.newPage({ locale: "en-GB", timezoneId: "Europe/Berlin" });
const renderer = new URL("../../src/renderer/", here);
await page.route("**/*", (route) => {
  const { host, pathname } = new URL(route.request().url());
  const file = new URL(`.${pathname}`, renderer);
  if (host !== "cards.test" || (pathname !== "/" && !existsSync(file))) {
    return route.fulfill({ contentType: "image/svg+xml", body: "<svg xmlns='http://www.w3.org/2000/svg' width='8' height='8'/>" });
  }
  if (pathname === "/") return route.fulfill({ contentType: "text/html", body: "<!doctype html><div id=ours></div><div id=theirs></div>" });
  const type = pathname.endsWith(".css") ? "text/css" : "text/javascript";
  return route.fulfill({ contentType: type, body: readFileSync(file, "utf8") });
});
page.on("pageerror", (error) => console.error(`the page: ${error}`));
await page.goto("http://cards.test/");
for (const content of libraries) await page.addScriptTag({ content });
for (const file of ["theme.css", "card.css"]) await page.addStyleTag({ url: `/${file}` });

await page.evaluate(async () => {
  const { renderCard } = await import("/card.js");
  const { AdaptiveCards } = window;
  const config = new AdaptiveCards.HostConfig({ actions: { maxActions: 6 }, choiceSetInputValueSeparator: "," });
  AdaptiveCards.AdaptiveCard.onProcessMarkdown = (text, result) => {
    result.outputHtml = window.markdownit().render(text);
    result.didProcess = true;
  };
  const words = (text) => (text ?? "").replace(/\s+/g, " ").trim();
  const seen = (element) => element.checkVisibility();
  const field = (element) => {
    if (element.type === "checkbox" || element.type === "radio") return null;
    const value = element.localName === "select" ? (element.value === "" ? "" : words(element.selectedOptions[0]?.textContent)) : element.value;
    return `field: ${value} (${element.localName === "input" ? element.type : element.localName})`;
  };

  /** What is seen, line by line. `leaf(element)` gives lines for an element that is read as a whole. */
  const read = (root, leaf) => {
    const lines = [];
    const walk = (element) => {
      if (!seen(element)) return;
      const found = leaf(element);
      if (found) lines.push(...found.filter((line) => line !== null));
      else for (const child of element.children) walk(child);
    };
    walk(root);
    return lines;
  };
  const picture = (element) => [`picture: ${element.src.slice(0, 60)} (${element.alt})`];
  const some = (kind, element) => (words(element.innerText) ? [`${kind}: ${words(element.innerText)}`] : []);
  const fact = (title, value) => [`fact: ${words(title?.innerText)} = ${words(value?.innerText)}`];

  const leaves = {
    ours: (element) => {
      const has = (name) => element.classList.contains(name);
      if (has("text")) return some("text", element);
      if (has("card-notice")) return some("notice", element);
      if (element.localName === "dl") return [...element.querySelectorAll("dt")].flatMap((title) => fact(title, title.nextElementSibling));
      if (has("more")) return ["more"];
      if (has("action")) return [`button: ${words(element.innerText)}${element.disabled || element.getAttribute("aria-disabled") === "true" ? " (off)" : ""}`];
      if (has("label")) return some("label", element);
      if (has("choice")) return [`choice: ${words(element.innerText)}${element.querySelector("input").checked ? " (chosen)" : ""}`];
      if (["input", "select", "textarea"].includes(element.localName)) return [field(element)];
      if (element.localName === "img") return picture(element);
      return null;
    },
    theirs: (element) => {
      const has = (name) => element.classList.contains(name);
      if (element.localName === "label") {
        const of = element.htmlFor ? document.getElementById(element.htmlFor) : null;
        return ["checkbox", "radio"].includes(of?.type) ? [] : some("label", element);
      }
      if (has("ac-textBlock") || has("ac-richTextBlock")) return some("text", element);
      if (has("ac-factset")) return [...element.querySelectorAll("tr")].flatMap((row) => fact(row.querySelector(".ac-fact-title"), row.querySelector(".ac-fact-value")));
      if (has("ac-pushButton") || element.localName === "button") {
        return [words(element.innerText) === "..." ? "more" : `button: ${words(element.innerText)}${element.disabled || element.getAttribute("aria-disabled") === "true" ? " (off)" : ""}`];
      }
      if (["checkbox", "radio"].includes(element.type)) return [`choice: ${words(element.getAttribute("aria-label"))}${element.checked ? " (chosen)" : ""}`];
      if (["input", "select", "textarea"].includes(element.localName)) return [field(element)];
      if (element.localName === "img") return picture(element);
      return null;
    },
  };
  const draw = {
    ours: (card) => renderCard(card, () => {}),
    theirs: (definition) => {
      // The library forgets where its pattern for languages stopped, and misses every other one.
      AdaptiveCards.CardElement.langProperty.regEx.lastIndex = 0;
      const card = new AdaptiveCards.AdaptiveCard();
      card.hostConfig = config;
      card.parse(definition);
      return card.render() ?? document.createElement("div");
    },
  };
  window.drawn = (side, card) => {
    const element = draw[side](card);
    document.getElementById(side).replaceChildren(element);
    return read(element, leaves[side]);
  };
  window.reread = (side) => read(document.getElementById(side).firstElementChild, leaves[side]);
  window.press = (side, title) => {
    const buttons = [...document.getElementById(side).querySelectorAll("button")].filter(seen);
    buttons.find((button) => words(button.innerText) === title)?.click();
  };
});

/** Titles of the buttons that change the card where it stands. */
function changing(value) {
  if (!value || typeof value !== "object") return [];
  if (["Action.ShowCard", "Action.ToggleVisibility"].includes(value.type)) return [value.title];
  return Object.values(value).flatMap(changing);
}

/** What the two renderers show, for the card as it comes and after each such button. */
async function both(card) {
  const sides = {};
  for (const side of ["ours", "theirs"]) {
    const steps = [await page.evaluate(([side, card]) => window.drawn(side, card), [side, card])];
    for (const title of changing(card)) {
      await page.evaluate(([side, title]) => window.press(side, title), [side, title]);
      steps.push(await page.evaluate((side) => window.reread(side), side));
    }
    sides[side] = steps;
  }
  return sides;
}

const document_ = readFileSync(new URL("../../docs/preview.md", here), "utf8");
const told = [...document_.matchAll(/^\| `([a-z-]+)` \|/gm)].map((match) => match[1]);
const found = new Set();
let failed = 0;
let same = 0;
for (const { name, card, differs } of cards) {
  const { ours, theirs } = await both(JSON.parse(JSON.stringify(card)));
  const equal = JSON.stringify(ours) === JSON.stringify(theirs);
  if (process.env.VERBOSE) console.log(equal ? "same   " : "differs", name, differs ?? "", equal ? "" : JSON.stringify({ ours, theirs }));
  // Two empty readings would be equal, too. Cards from elsewhere may well be empty.
  if (corpus.some(([known]) => known === name)) assert.ok(ours[0].length > 0, `nothing is seen of ${name}`);
  if (differs) found.add(differs);
  const wrong = equal === Boolean(differs);
  if (equal) same += 1;
  if (!wrong) continue;
  failed += 1;
  console.error(differs
    ? `FAIL ${name}: both show the same now; take \`${differs}\` off the list in docs/preview.md`
    : `FAIL ${name}\n     ours   ${JSON.stringify(ours)}\n     theirs ${JSON.stringify(theirs)}`);
}
try {
  assert.deepEqual([...found].sort(), [...told].sort(), "docs/preview.md lists just what differs");
} catch (error) {
  failed += 1;
  console.error(`FAIL ${error.message}`);
}
await browser.close();
console.log(`${cards.length} cards: ${same} look the same, ${cards.length - same} differ${failed ? `, ${failed} failed` : " as docs/preview.md says"}`);
process.exit(failed ? 1 : 0);
