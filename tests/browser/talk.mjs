// Writes to the bot and presses a button of its card on the page of Teams in a box (SANDBOX_URL), with a whole Herald behind
// it (HERALD_HOOK is one of its hooks): rules answer. The exit code is 1 if something is not as it should be, 3 if the
// browser or playwright-core is missing.

import assert from "node:assert/strict";
import { launch } from "./chromium.mjs";
import { place, url } from "./sandbox.mjs";

const browser = await launch(3);
const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
page.setDefaultTimeout(30_000);
const complaints = [];
page.on("pageerror", (error) => complaints.push(String(error)));
page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));

const open = async (name) => {
  await page.goto(`${url}/#/${encodeURIComponent(await place(name))}`);
  await page.reload();
  await page.waitForSelector(".live.on", { state: "attached" });
};
const shot = async (name) => {
  if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/${name}.png` });
};
const write = async (text) => {
  const field = page.getByRole("textbox", { name: /^Write to / });
  await field.fill(text);
  await field.press("Enter");
};
const log = page.getByRole("log");

// A button of a card, with what was filled in, and the answer in the thread of the card.
await open("Platform / Incidents");
const posted = await fetch(process.env.HERALD_HOOK, {
  method: "POST", headers: { "content-type": "application/json" },
  body: JSON.stringify({ id: "INC-7", title: "Disk <b>full</b>" }),
});
assert.equal(posted.status, 202);
const card = page.locator("[data-message]").filter({ hasText: "INC-7: Disk <b>full</b>" });
await card.waitFor();
await page.getByLabel("Write and press buttons as").selectOption({ label: "Omar Haddad" });
await card.getByLabel("What do you see?").fill("I look at it");
await card.getByRole("button", { name: "I am on it", exact: true }).click();
const outcome = card.locator(".outcome");
await outcome.waitFor();
assert.equal(await outcome.innerText(), "Done, thank you.");
await log.getByText("Omar Haddad is on INC-7: I look at it").waitFor();
await shot("talk-button");

// Somebody from whom the rule does not take it.
await page.getByLabel("Write and press buttons as").selectOption({ label: "Anna Berg" });
await card.getByRole("button", { name: "I am on it", exact: true }).click();
await card.getByText("Nothing happened: this button is for others.").waitFor();

// A question in the channel, whatever its capitals, and one in the personal chat.
await write("Status  platform");
await log.getByText("Anna Berg asks for platform", { exact: true }).waitFor();
await shot("talk-channel");
await open("Anna Berg");
await write("STATUS");
await log.getByText("Anna Berg asks for everything", { exact: true }).waitFor();
await write("something else");
await log.getByText("something else", { exact: true }).waitFor();
await shot("talk-personal");
assert.deepEqual(complaints, []);
await browser.close();
