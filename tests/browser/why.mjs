// Looks at Herald's own page (HERALD_URL) with Chromium: each event and each delivery says why. The exit code is 1 if
// something is not as it should be, 3 if the browser or playwright-core is missing.

import assert from "node:assert/strict";
import { launch } from "./chromium.mjs";

const browser = await launch(3);
const page = await browser.newPage({ viewport: { width: 390, height: 800 } });
page.setDefaultTimeout(30_000);
const complaints = [];
page.on("pageerror", (error) => complaints.push(String(error)));
page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));

await page.goto(process.env.HERALD_URL);
const events = page.locator("#events tr");
await events.nth(1).waitFor();
const untouched = events.filter({ hasText: "the rule that waits for it did not match" });
await untouched.getByRole("button", { name: "Why?" }).click();
const dialog = page.getByRole("dialog", { name: "Why?" });
await dialog.waitFor();
const story = await page.locator("#story").textContent();
assert.match(story, /no {3}`event\.state: failure`: should be "failure", but was "<b>fine<\/b>"/);
assert.equal(await page.locator("#story b").count(), 0, "what an event says is text");
if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/why.png` });
await page.keyboard.press("Escape");
await dialog.waitFor({ state: "hidden" });

await page.locator("#recent tr").first().getByRole("button", { name: "Why?" }).click();
await dialog.waitFor();
assert.match(await page.locator("#story").textContent(), /Anna Berg: sent at /);
await page.getByRole("button", { name: "Close" }).click();
await dialog.waitFor({ state: "hidden" });
assert.deepEqual(complaints, []);
await browser.close();
