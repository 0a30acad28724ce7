// The life of an alert on the page of Teams in a box (SANDBOX_URL): a real Alertmanager (ALERTMANAGER_URL) sends it to Herald,
// a person takes it, and it is over. The exit code is 1 if something is not as it should be, 3 if the browser or
// playwright-core is missing.

import assert from "node:assert/strict";
import { launch } from "./chromium.mjs";
import { place, url } from "./sandbox.mjs";

const browser = await launch(8);
const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
page.setDefaultTimeout(120_000);
const complaints = [];
page.on("pageerror", (error) => complaints.push(String(error)));
page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));

const shot = async (name) => {
  if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/${name}.png` });
};

/** What Prometheus tells Alertmanager of one machine. */
const alert = async (instance, more, alertname = "DiskAlmostFull") => {
  const answer = await fetch(`${process.env.ALERTMANAGER_URL}/api/v2/alerts`, {
    method: "POST", headers: { "content-type": "application/json" },
    body: JSON.stringify([{
      labels: { alertname, severity: "critical", instance },
      annotations: { summary: `${instance} has less than 5 % of its disk left`, description: "Hurry." },
      ...more,
    }]),
  });
  assert.equal(answer.status, 200, await answer.text());
};

await page.goto(`${url}/#/${encodeURIComponent(await place("Platform / Incidents"))}`);
await page.waitForSelector(".live.on", { state: "attached" });
const cards = page.locator("[data-message]").filter({ hasText: "DiskAlmostFull" });
const card = cards.first();

// It fires: one card. Another machine joins in: the same card.
await alert("db-1");
await card.getByText("db-1 has less than 5 % of its disk left").waitFor();
await card.getByText("1 alert firing").waitFor();
await shot("alert-fires");
await alert("db-2");
await card.getByText("2 alerts firing").waitFor();
await card.getByText("db-2 has less than 5 % of its disk left").waitFor();
assert.equal(await cards.count(), 1, "one card for the group");

// Somebody takes it, and everybody sees who.
await page.getByLabel("Write and press buttons as").selectOption({ label: "Omar Haddad" });
await card.getByRole("button", { name: "I take it", exact: true }).click();
// What Omar is told is gone once the card changes, which may be at once: that is looked at elsewhere.
await card.getByText(/^Omar Haddad took it, /).waitFor();
assert.equal(await card.getByRole("button", { name: "I take it", exact: true }).count(), 0, "it is taken");
await shot("alert-taken");

// Another alert, which nobody takes: whoever is on call hears of it, and of nothing else.
await alert("api-1", {}, "ApiIsDown");
await page.locator("[data-message]").filter({ hasText: "ApiIsDown" }).first().waitFor();
await page.goto(`${url}/#/${encodeURIComponent(await place("Omar Haddad"))}`);
const escalated = page.locator("[data-message]").filter({ hasText: "ApiIsDown" });
await escalated.first().waitFor();
assert.equal(await page.locator("[data-message]").filter({ hasText: "DiskAlmostFull" }).count(), 0, "what is taken wakes nobody");
await shot("alert-escalated");
await page.goto(`${url}/#/${encodeURIComponent(await place("Platform / Incidents"))}`);
await card.getByText("2 alerts firing").waitFor();

// It is over: the card turns green.
const over = new Date().toISOString();
await alert("db-1", { endsAt: over });
await alert("db-2", { endsAt: over });
await card.getByText(/^Closed, /).waitFor();
await card.getByText("2 alerts resolved").waitFor();
const colour = await card.getByText(/^Closed, /).evaluate((line) => {
  let element = line;
  while (element && getComputedStyle(element).backgroundColor === "rgba(0, 0, 0, 0)") element = element.parentElement;
  return getComputedStyle(element).backgroundColor.match(/\d+/g).map(Number);
});
const [red, green, blue] = colour;
assert.ok(green > red && green > blue, `the line is green, not rgb(${colour})`);
assert.equal(await cards.count(), 1, "still one card");
assert.equal(await card.getByRole("button", { name: "Snooze 1 hour" }).count(), 0, "nothing is left to be done");
await card.getByText(/^Omar Haddad took it, /).waitFor();
await shot("alert-over");
assert.deepEqual(complaints, []);
await browser.close();
