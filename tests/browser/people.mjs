// Somebody decides what reaches them on the page of Teams in a box (SANDBOX_URL), with a whole Herald behind it (HERALD_HOOK
// is one of its hooks): the buttons under a card, the card of settings, words to the bot. The exit code is 1 if something is
// not as it should be, 3 if the browser or playwright-core is missing.

import assert from "node:assert/strict";
import { launch } from "./chromium.mjs";
import { place, url } from "./sandbox.mjs";

const browser = await launch(3);
const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
page.setDefaultTimeout(30_000);
const complaints = [];
page.on("pageerror", (error) => complaints.push(String(error)));
page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));

const shot = async (name) => {
  if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/${name}.png` });
};
const write = async (text) => {
  const field = page.getByRole("textbox", { name: /^Write to / });
  await field.fill(text);
  await field.press("Enter");
};
const post = async (title) => {
  const posted = await fetch(process.env.HERALD_HOOK, {
    method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ title }),
  });
  assert.equal(posted.status, 202);
};
const message = (text) => page.locator("[data-message]").filter({ hasText: text }).last();

await page.goto(`${url}/#/${encodeURIComponent(await place("Anna Berg"))}`);
await page.reload();
await page.waitForSelector(".live.on", { state: "attached" });

// Why it came stands under the card, and a button that stops it.
await post("The first deploy failed");
const card = message("The first deploy failed");
await card.getByText("Why you got this: A production deploy failed").waitFor();
await shot("people-footer");
await card.getByRole("button", { name: "Stop these", exact: true }).click();
await card.getByText("You get no more of “Deploys”.").waitFor();

// The card of settings shows that, and brings it back.
await card.getByRole("button", { name: "Settings", exact: true }).click();
const settings = message("Your notifications");
const deploys = settings.getByLabel("Deploys");
await deploys.waitFor();
assert.equal(await deploys.isChecked(), false);
await deploys.check();
await settings.getByLabel("Quiet hours").fill("22-7");
await shot("people-settings");
await settings.getByRole("button", { name: "Save", exact: true }).click();
await page.getByText("Saved.", { exact: true }).first().waitFor();
await page.waitForFunction(() => [...document.querySelectorAll("input")].some((input) => input.value === "22:00-07:00"));
await shot("people-saved");

// From then on it comes again, until a word stops it.
await post("The second deploy failed");
await message("The second deploy failed").waitFor();
await write("stop deployments");
await message("Write “start deployments” to get them again.").waitFor();
await post("The third deploy failed");
await write("why");
await message("The last notification came from the rule “deploy”.").waitFor();
assert.equal(await page.getByRole("log").getByText("The third deploy failed").count(), 0);

// From right to left, for whoever reads Arabic.
await write("settings");
const again = page.locator("[data-message]").filter({ hasText: "Your notifications" }).nth(1);
await again.waitFor();
await again.getByLabel("Language").selectOption("ar");
await again.getByRole("button", { name: "Save", exact: true }).click();
await page.getByText("تم الحفظ.", { exact: true }).first().waitFor();
assert.equal(await page.locator('.card-face[dir="rtl"]').count() > 0, true);
await shot("people-arabic");
assert.deepEqual(complaints, []);
await browser.close();
