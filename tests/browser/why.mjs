// Looks at Herald's own page (HERALD_URL) with Chromium: each event and each delivery says why. The exit code is 1 if
// something is not as it should be, 3 if the browser or playwright-core is missing.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";

const missing = (sentence) => {
  console.error(sentence);
  process.exit(3);
};
const { chromium } = await import("playwright-core").catch(() =>
  missing("playwright-core is missing: run `npm ci` in tests/browser"));
const browserPath = [process.env.HERALD_CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"]
  .find((path) => path && existsSync(path));
if (!browserPath) missing("Chromium is missing: install the package `chromium`, or name one with HERALD_CHROMIUM=/path");

setTimeout(() => {
  console.error("the browser did not end within three minutes");
  process.exit(1);
}, 180_000).unref();

const browser = await chromium.launch({
  executablePath: browserPath,
  args: ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"],
});
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
