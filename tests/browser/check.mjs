// Looks at the page of Teams in a box with Chromium. Prints what failed (and, with VERBOSE=1, what held). The exit code
// is 1 if anything failed, 3 if the browser or playwright-core is missing.

import assert from "node:assert/strict";
import { check as reported, end } from "../reporter.mjs";
import { launch } from "./chromium.mjs";
import { attacks, cards } from "./corpus.mjs";
import { blink, card, heard, place, post, remove, replace, text, url } from "./sandbox.mjs";

const browser = await launch(5);
const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, colorScheme: "light" });
const page = await context.newPage();
page.setDefaultTimeout(30_000);

// Whatever the page says in the console or tries against its policy is a finding.
const complaints = [];
page.on("pageerror", (error) => complaints.push(String(error)));
page.on("dialog", (dialog) => {
  complaints.push(`a dialog: ${dialog.message()}`);
  dialog.dismiss();
});
page.on("console", (message) => {
  // Pictures that we keep from being loaded are no fault of the page.
  if (message.type() === "error" && !message.text().includes("net::ERR_FAILED")) complaints.push(message.text());
});
// Pictures of test cards lead nowhere; nothing but the sandbox is asked.
const asked = [];
await page.route((address) => address.origin !== url, (route) => {
  asked.push(route.request().url());
  return route.abort();
});

const check = (sentence, work) => reported(sentence, work, page);

/** Attached is enough: the sign is out of sight on a phone. */
const connected = () => page.waitForSelector(".live.on", { state: "attached" });
const open = async (name) => {
  await page.goto(`${url}/#/${encodeURIComponent(await place(name))}`);
  await page.reload();
  await connected();
};
const message = (id) => page.locator(`[data-message="${id}"]`);
const button = (scope, name) => scope.getByRole("button", { name, exact: true });
const listed = async (name) => page.locator(`.place[data-id="${await place(name)}"]`);
/** Waits until `probe` gives `wanted`. */
async function until(probe, wanted) {
  let last;
  for (let tries = 0; tries < 150; tries += 1) {
    last = await probe();
    if (last === wanted) return;
    await new Promise((done) => setTimeout(done, 100));
  }
  assert.equal(last, wanted);
}

// ---- the first minute ----

await page.goto(url);
await check("a first-time visitor sees what to type", async () => {
  await page.waitForSelector(".live.on");
  assert.match(await page.locator(".welcome pre").textContent(), /^curl /);
  await button(page.locator(".welcome"), "Copy the command").click();
});
await check("the first card opens by itself", async () => {
  const id = await post(await place("Chloé Dubois"), card({ body: [{ type: "TextBlock", text: "Hello **world**", wrap: true }] }));
  await message(id).waitFor();
  assert.equal(await page.locator(".top h1").textContent(), "Chloé Dubois");
  assert.equal(await message(id).locator("strong").textContent(), "world");
});
await check("a card elsewhere is counted until it is read", async () => {
  await post(await place("Platform / Releases"), { ...card({ body: [] }), summary: "Release *done*" });
  const omar = await place("Omar Haddad");
  await post(omar, { ...card({ body: [] }), summary: "Your **turn**" });
  const item = await listed("Omar Haddad");
  await item.locator(".dot").waitFor();
  assert.equal(await item.locator(".preview").textContent(), "Your turn");
  assert.match(await page.title(), /^\(2\) /);
  await item.click();
  await until(() => item.locator(".dot").count(), 0);
  assert.match(await page.title(), /^\(1\) /);
});

// ---- cards ----

const anna = await place("Anna Berg");
await open("Anna Berg");
for (const one of cards) {
  await check(`card: ${one.name}`, async () => {
    const id = await post(anna, card(one.card));
    const shown = message(id).locator(".card");
    await shown.waitFor();
    if (one.html) assert.equal(await shown.locator(one.at).first().innerHTML(), one.html);
    const words = await shown.innerText();
    for (const text of one.texts ?? []) assert.ok(words.includes(text), `“${text}” is not in “${words}”`);
    for (const text of one.unseen ?? []) assert.ok(!words.includes(text), `“${text}” is in “${words}”`);
    for (const name of one.buttons ?? []) assert.equal(await button(shown, name).count(), 1, `button ${name}`);
    for (const selector of one.none ?? []) assert.equal(await shown.locator(selector).count(), 0, selector);
    for (const [selector, count] of one.count ?? []) assert.equal(await message(id).locator(selector).count(), count, selector);
  });
}
for (const one of attacks) {
  await check(`attack: ${one.name}`, async () => {
    const id = await post(anna, card(one.card, "<b onclick=1>summary</b>"));
    const shown = message(id).locator(".card");
    await shown.waitFor();
    const words = await shown.innerText();
    for (const text of one.texts ?? []) assert.ok(words.includes(text), `“${text}” is not in “${words.slice(0, 400)}”`);
    assert.equal(await page.evaluate(() => window.pwned), undefined);
    const found = await page.evaluate(() => {
      const wrong = [];
      const safe = ["http:", "https:", "mailto:", "tel:", "msteams:"];
      for (const link of document.querySelectorAll("a[href]")) {
        if (!safe.includes(new URL(link.href).protocol)) wrong.push(link.outerHTML);
      }
      for (const element of document.querySelectorAll("main *, nav *")) {
        if (["SCRIPT", "IFRAME", "OBJECT", "EMBED", "STYLE", "LINK"].includes(element.tagName)) wrong.push(element.outerHTML);
        for (const { name } of element.attributes) if (name.startsWith("on")) wrong.push(element.outerHTML);
        if (getComputedStyle(element).position === "fixed") wrong.push(element.outerHTML);
      }
      return wrong;
    });
    assert.deepEqual(found, []);
  });
}
await check("nothing leaked to the addresses that the attacks named", () => {
  assert.deepEqual(asked.filter((address) => address.includes("leak")), []);
});

// ---- buttons ----

const last = async () => (await heard()).at(-1);
await check("inputs are checked, gathered and sent with the button", async () => {
  const id = await post(anna, card({
    body: [
      { type: "Input.Text", id: "note", label: "Note", isRequired: true, regex: "^[a-z ]+$", errorMessage: "Small letters, please" },
      { type: "Input.Number", id: "count", label: "Count", min: 1, max: 9, value: 3 },
      { type: "Input.Date", id: "day", value: "2026-03-02" },
      { type: "Input.Time", id: "hour", value: "09:30" },
      { type: "Input.Toggle", id: "loud", title: "Loudly", valueOn: "yes", valueOff: "no" },
      { type: "Input.ChoiceSet", id: "one", label: "One", choices: [{ title: "A", value: "a" }, { title: "B", value: "b" }], value: "b" },
      { type: "Input.ChoiceSet", id: "many", isMultiSelect: true, choices: [{ title: "C", value: "c" }, { title: "D", value: "d" }], value: "c,d" },
      { type: "Input.ChoiceSet", id: "wide", style: "expanded", choices: [{ title: "E", value: "e" }, { title: "F", value: "f" }] },
    ],
    actions: [{ type: "Action.Execute", title: "Go", verb: "echo", data: { known: true } }],
  }));
  const shown = message(id);
  const before = (await heard()).length;
  await button(shown, "Go").click();
  assert.equal(await shown.locator(".problem:visible").innerText(), "Small letters, please");
  await shown.getByLabel("Note").fill("UPPER");
  await button(shown, "Go").click();
  assert.equal(await shown.locator(".problem:visible").count(), 1);
  assert.equal((await heard()).length, before, "nothing was sent yet");
  await shown.getByLabel("Note").fill("all fine");
  await shown.getByLabel("Loudly").check();
  await shown.getByLabel("E", { exact: true }).check();
  await button(shown, "Go").click();
  await shown.locator(".outcome").waitFor();
  const { data } = (await last()).value.action;
  assert.deepEqual(data, {
    known: true, note: "all fine", count: "3", day: "2026-03-02", hour: "09:30", loud: "yes", one: "b", many: "c,d", wide: "e",
  });
  assert.equal((await last()).replyToId, id);
  assert.match(await shown.locator(".outcome").innerText(), /all fine/);
});
await check("each answer to a button is shown", async () => {
  const id = await post(anna, card({
    body: [{ type: "TextBlock", text: "Original", wrap: true }],
    actions: ["fail", "error", "card"].map((verb) => ({ type: "Action.Execute", title: verb, verb })).concat([
      { type: "Action.Submit", title: "submit", data: { a: 1 } },
    ]),
  }));
  const shown = message(id);
  const outcome = shown.locator(".outcome");
  await button(shown, "submit").click();
  await until(() => outcome.innerText().catch(() => ""), "Sent to Herald.");
  assert.deepEqual((await last()).value, { a: 1 });
  await button(shown, "fail").click();
  await shown.locator(".outcome.bad").waitFor();
  assert.match(await outcome.innerText(), /500/);
  await button(shown, "error").click();
  await until(() => outcome.innerText(), "That went wrong");
  await button(shown, "card").click();
  await until(() => shown.locator(".card").innerText(), "Replaced");
});
await check("a card unfolds, toggles and keeps the inputs of both apart", async () => {
  const id = await post(anna, card({
    body: [
      { type: "Input.Text", id: "outer", value: "o" },
      { type: "TextBlock", id: "more", text: "Details", isVisible: false },
    ],
    actions: [
      { type: "Action.ToggleVisibility", title: "Toggle", targetElements: ["more"] },
      { type: "Action.ShowCard", title: "Unfold", card: { type: "AdaptiveCard", body: [{ type: "Input.Text", id: "inner", isRequired: true, label: "Inner" }], actions: [{ type: "Action.Submit", title: "Inside" }] } },
      { type: "Action.Submit", title: "Outside" },
    ],
  }));
  const shown = message(id);
  await shown.waitFor();
  assert.equal(await shown.getByText("Details").isVisible(), false);
  await button(shown, "Toggle").click();
  assert.equal(await shown.getByText("Details").isVisible(), true);
  await button(shown, "Unfold").click();
  await button(shown, "Outside").click();
  await shown.locator(".outcome").waitFor();
  assert.deepEqual((await last()).value, { outer: "o" });
  await shown.getByLabel("Inner").fill("i");
  await button(shown, "Inside").click();
  await until(async () => JSON.stringify((await last()).value), JSON.stringify({ outer: "o", inner: "i" }));
  await button(shown, "Unfold").click();
  assert.equal(await shown.getByLabel("Inner").count(), 0);
});
await check("a menu holds the buttons that do not fit", async () => {
  const id = await post(anna, card({ body: [], actions: [1, 2, 3, 4, 5, 6, 7].map((n) => ({ type: "Action.Submit", title: `Do ${n}`, data: { n } })) }));
  await button(message(id), "More actions").click();
  await button(message(id), "Do 7").click();
  await until(async () => JSON.stringify((await last()).value), JSON.stringify({ n: 7 }));
});

// ---- live ----

await check("a replaced message changes and a deleted one goes, without reloading", async () => {
  const id = await post(anna, text("first"));
  await message(id).getByText("first").waitFor();
  await replace(anna, id, text("second"));
  await message(id).getByText("second").waitFor();
  assert.match(await message(id).innerText(), /Edited/);
  await remove(anna, id);
  await until(() => message(id).count(), 0);
});
await check("what a message says of itself beside its words is marked", async () => {
  await open("Chloé Dubois");
  const chloe = await place("Chloé Dubois");
  const plain = await post(chloe, text("as usual"));
  const loud = await post(chloe, { ...text("now"), importance: "high", channelData: { notification: { alert: true } } });
  await message(loud).waitFor();
  assert.deepEqual(await message(loud).locator(".mark").allTextContents(), ["important", "alert"]);
  assert.equal(await message(plain).locator(".mark").count(), 0);
});
await check("threads of a channel stay together", async () => {
  const channel = await place("Platform / Incidents");
  await open("Platform / Incidents");
  const one = await post(channel, text("first post"));
  const two = await post(channel, text("second post"));
  const answer = await post(`${channel};messageid=${one}`, text("answer to the first"));
  await message(answer).waitFor();
  assert.equal(await page.locator(`.thread[data-root="${one}"] [data-message="${answer}"]`).count(), 1);
  await button(page.locator(`.thread[data-root="${two}"]`), "Reply").click();
  await page.getByLabel("Write and press buttons as").selectOption({ label: "Omar Haddad" });
  await page.getByLabel("Write to Herald").fill("noted <b>&amp;</b>");
  await page.keyboard.press("Enter");
  await page.locator(`.thread[data-root="${two}"]`).getByText("noted <b>&amp;</b>").waitFor();
  const said = await last();
  assert.equal(said.from.name, "Omar Haddad");
  assert.equal(said.conversation.id, `${channel};messageid=${two}`);
  assert.match(said.text, /^<at>Herald<\/at> noted <b>&amp;<\/b>/);
});
await check("what arrived while the connection was gone is there afterwards", async () => {
  await open("Anna Berg");
  await blink();
  await page.locator(".live:not(.on)").waitFor();
  let id;
  await until(async () => {
    id = await post(anna, text("after the gap")).catch(() => undefined);
    return id !== undefined;
  }, true);
  await message(id).waitFor();
  await page.waitForSelector(".live.on");
  // Breaking the connection makes the browser itself complain.
  for (let index = complaints.length - 1; index >= 0; index -= 1) {
    if (/net::ERR_/.test(complaints[index])) complaints.splice(index, 1);
  }
});

// ---- being the people ----

await check("writing in a personal chat reaches the bot as that person", async () => {
  await page.getByLabel("Write to Herald").fill("mute **deploys**");
  await page.getByRole("button", { name: "Send" }).click();
  await page.locator(".message.own").getByText("mute **deploys**").waitFor();
  await until(async () => (await last()).text, "mute **deploys**");
  assert.equal((await last()).from.name, "Anna Berg");
});
await check("the bot is removed and installed by a button", async () => {
  await button(page.locator(".top"), "Remove Herald").click();
  await page.locator(".closed").waitFor();
  await button(page.locator(".closed"), "Install it").click();
  await page.getByLabel("Write to Herald").waitFor();
  const kinds = (await heard()).slice(-4).map((one) => `${one.type} ${one.action ?? ""}`.trim());
  assert.deepEqual(kinds, ["installationUpdate remove", "conversationUpdate", "installationUpdate add", "conversationUpdate"]);
  await page.getByText("Anna Berg removed Herald").first().waitFor();
});
/** Chooses an entry of the menu of the open conversation. */
const choose = async (entry) => {
  await button(page.locator(".top"), "More").click();
  await page.getByRole("menuitem", { name: entry, exact: true }).click();
};
const answer = async (value) => {
  const dialog = page.getByRole("dialog");
  const select = dialog.locator("select");
  if (await select.count()) await select.selectOption({ label: value });
  else await dialog.locator("input").fill(value);
  await dialog.getByRole("button", { name: "OK" }).click();
};
await check("a blocked bot cannot write, and the page says who blocks it", async () => {
  await choose("Block the bot");
  await page.getByText("blocks Herald").waitFor();
  await assert.rejects(post(anna, text("x")), /MessageWritesBlocked/);
  await choose("Stop blocking the bot");
  await until(() => page.getByText("blocks Herald").count(), 0);
});
await check("people, channels and teams change from a menu, and the bot hears of it", async () => {
  await open("Platform / Incidents");
  const channel = (name) => page.locator(".place.channel", { hasText: name });
  await choose("Add somebody…");
  await answer("Олена Шевченко");
  await page.getByText("8 people").waitFor();
  await choose("Remove somebody…");
  await answer("Олена Шевченко");
  await page.getByText("7 people").waitFor();
  await choose("New channel…");
  await answer("War <b>room</b>");
  await channel("War <b>room</b>").click();
  await until(() => page.locator(".top h1").textContent(), "Platform / War <b>room</b>");
  await choose("Rename this channel…");
  await answer("Calm room");
  await until(() => page.locator(".top h1").textContent(), "Platform / Calm room");
  await choose("Delete this channel");
  await until(() => channel("Calm room").count(), 0);
  await channel("Incidents").click();
  await choose("Restore “Calm room”");
  await channel("Calm room").waitFor();
  await choose("Archive the team");
  await page.getByText("archived").waitFor();
  await choose("Unarchive the team");
  await choose("Rename the team…");
  await answer("Platform Engineering");
  await until(() => page.locator(".top h1").textContent(), "Platform Engineering / Incidents");
  await choose("Delete the team");
  await button(page.locator(".team-name.deleted"), "Restore").click();
  await until(() => page.locator(".team-name.deleted").count(), 0);
  await channel("Incidents").click();
  await choose("Rename the team…");
  await answer("Platform");
  await until(async () => (await heard()).slice(-12).map((one) => one.channelData.eventType).join(" "), [
    "teamMemberAdded", "teamMemberRemoved", "channelCreated", "channelRenamed", "channelDeleted", "channelRestored",
    "teamArchived", "teamUnarchived", "teamRenamed", "teamDeleted", "teamrestored", "teamRenamed",
  ].join(" "));
});
await check("what somebody is typing survives what happens elsewhere", async () => {
  const incidents = await place("Platform / Incidents");
  const id = await post(incidents, card({ body: [{ type: "Input.Text", id: "note", label: "Note" }] }));
  await page.getByLabel("Write to Herald").fill("half a sen");
  await message(id).getByLabel("Note").fill("half a note");
  await button(page.locator(".top"), "More").click();
  const loaded = page.waitForResponse((response) => response.url().endsWith("/page/world"));
  await fetch(`${url}/page/act`, {
    method: "POST", headers: { "content-type": "application/json" },
    body: JSON.stringify({ do: "new_channel", team: "Platform", name: "Meanwhile" }),
  });
  await loaded;
  await page.locator(".place.channel", { hasText: "Meanwhile" }).waitFor();
  assert.equal(await message(id).getByLabel("Note").inputValue(), "half a note");
  assert.equal(await page.getByLabel("Write to Herald").inputValue(), "half a sen");
  assert.equal(await page.getByRole("menuitem", { name: "New channel…" }).isVisible(), true);
  await page.keyboard.press("Escape");
});
await check("a message that comes while the page reads the world stays", async () => {
  let answer;
  const written = new Promise((done) => { answer = done; });
  let release;
  const released = new Promise((done) => { release = done; });
  await page.route("**/page/world", async (route) => {
    const response = await route.fetch();
    answer();
    await released;
    await route.fulfill({ response });
  }, { times: 1 });
  await fetch(`${url}/page/act`, {
    method: "POST", headers: { "content-type": "application/json" },
    body: JSON.stringify({ do: "new_channel", team: "Platform", name: "Slow" }),
  });
  await written;
  const id = await post(await place("Platform / Incidents"), text("in between"));
  await message(id).waitFor();
  release();
  await page.locator(".place.channel", { hasText: "Slow" }).waitFor();
  assert.equal(await message(id).count(), 1);
});
await check("a menu and a dialog are left with Escape", async () => {
  await button(page.locator(".top"), "More").focus();
  await page.keyboard.press("Enter");
  await page.keyboard.press("ArrowDown");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Remove somebody…");
  await page.keyboard.press("Escape");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "More");
  await choose("New channel…");
  await page.keyboard.press("Escape");
  await until(() => page.getByRole("dialog").count(), 0);
});

// ---- for everybody ----

await check("everything has a name, and the keyboard is enough", async () => {
  const nameless = await page.evaluate(() => {
    const named = (element) =>
      element.getAttribute("aria-label") || element.getAttribute("aria-labelledby") || element.textContent.trim() ||
      element.labels?.length || element.placeholder || element.title;
    return [...document.querySelectorAll("button, a, input, select, textarea")].filter((one) => !named(one)).map((one) => one.outerHTML);
  });
  assert.deepEqual(nameless, []);
  const item = await listed("Priya Raghunathan");
  await item.focus();
  await page.keyboard.press("Enter");
  await until(() => page.locator(".top h1").textContent(), "Priya Raghunathan");
  assert.equal(await item.getAttribute("aria-current"), "true");
});
await check("light and dark, remembered", async () => {
  const theme = () => page.evaluate(() => document.documentElement.dataset.theme);
  assert.equal(await theme(), "light");
  await page.locator("#theme-button").click();
  assert.equal(await theme(), "dark");
  await page.reload();
  assert.equal(await theme(), "dark");
});
await check("on a phone there is one column and nothing sticks out", async () => {
  await page.setViewportSize({ width: 375, height: 720 });
  await open("Anna Berg");
  assert.equal(await page.locator(".places").isVisible(), false);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.equal(wide, 0);
  await page.getByLabel("All conversations").click();
  await page.locator(".places").waitFor();
});

await check("the page complained about nothing", () => assert.deepEqual(complaints, []));

await browser.close();
end("the page of Teams in a box:");
