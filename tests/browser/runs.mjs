// Looks at Herald's own page (HERALD_URL) with Chromium: a run that is under way is paused, let go on and cancelled by its
// buttons. The exit code is 1 if something is not as it should be, 3 if the browser or playwright-core is missing.

import assert from "node:assert/strict";
import { launch } from "./chromium.mjs";

const browser = await launch(3);
const page = await browser.newPage({ viewport: { width: 1100, height: 800 } });
page.setDefaultTimeout(30_000);
const complaints = [];
page.on("pageerror", (error) => complaints.push(String(error)));
page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));

await page.goto(process.env.HERALD_URL);
const row = page.locator("#runs tr");
await row.waitFor();
assert.match(await row.innerText(), /office\/party/);
assert.equal(await row.getByRole("progressbar").count(), 1);

const dialog = page.locator("#order");
async function order(name, reason) {
  await row.getByRole("button", { name, exact: true }).click();
  await dialog.waitFor();
  const asksWhy = await dialog.locator("#order-because").isVisible();
  assert.equal(asksWhy, reason !== undefined, `${name} asks for a reason`);
  if (reason) await dialog.locator("#order-reason").fill(reason);
  if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/runs-${name}.png` });
  await dialog.getByRole("button", { name: "Yes" }).click();
  await dialog.waitFor({ state: "hidden" });
}

// Whoever says no has changed nothing.
await row.getByRole("button", { name: "Cancel", exact: true }).click();
await dialog.waitFor();
await dialog.getByRole("button", { name: "No" }).click();
await dialog.waitFor({ state: "hidden" });

await order("Pause", "<b>wrong</b> date");
await row.filter({ hasText: "paused: <b>wrong</b> date" }).waitFor();
assert.equal(await row.locator("b").count(), 0, "a reason is text");
assert.equal(await row.getByRole("button", { name: "Pause", exact: true }).count(), 0);
await order("Resume");
await row.filter({ hasText: "running" }).waitFor();
await order("Cancel", "");
await page.locator("#runs-section").waitFor({ state: "hidden" });
assert.deepEqual(complaints, []);
await browser.close();
