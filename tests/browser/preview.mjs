// Looks at `herald preview` with Chromium, and edits the workspace meanwhile. Started by tests/preview_command.rs.
// Exit codes as in check.mjs.

import assert from "node:assert/strict";
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { check as reported, end } from "../reporter.mjs";
import { launch } from "./chromium.mjs";

const { PREVIEW_URL: url, WORKSPACE: workspace, PAGE: still } = process.env;

const browser = await launch(4);
const context = await browser.newContext({ viewport: { width: 1360, height: 860 } });
const page = await context.newPage();
page.setDefaultTimeout(30_000);
const complaints = [];
const listen = (one) => {
  one.on("pageerror", (error) => complaints.push(String(error)));
  one.on("dialog", (dialog) => {
    complaints.push(`a dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  one.on("console", (message) => {
    // The card that cannot be made answers 404; the page shows why.
    if (message.type() === "error" && !/404|ERR_FAILED/.test(message.text())) complaints.push(message.text());
  });
};
listen(page);
const asked = [];
await page.route((address) => !address.href.startsWith(url), (route) => {
  asked.push(route.request().url());
  return route.abort();
});

const check = (sentence, work) => reported(sentence, work, page);
/** Waits until `probe` is true of what it last saw. */
async function until(look, wanted) {
  let last;
  for (let tries = 0; tries < 300; tries += 1) {
    last = await look().catch(() => "");
    if (wanted(last)) return;
    await new Promise((done) => setTimeout(done, 100));
  }
  assert.fail(`waited in vain; last seen: ${String(last).slice(0, 600)}`);
}
const cardText = () => page.locator(".frame.desktop .card").first().innerText();
const shows = (words) => until(cardText, (text) => text.includes(words));
const file = (path) => `${workspace}/${path}`;
const rule = readFileSync(file("rules/shop/order.yaml"), "utf8");
/** As editors save: a new file in place of the old one. */
const save = (path, text) => {
  writeFileSync(file(`${path}.tmp`), text);
  renameSync(file(`${path}.tmp`), file(path));
};
const wrong = () => page.locator(".problems").innerText();
const theme = (value) => page.locator(`input[name=theme][value=${value}]`).check({ force: true });

await page.goto(`${url}/#rule=shop/order`);
await check("the card of a rule is there, on a desktop and on a phone", async () => {
  await shows("Order 4711");
  assert.equal(await page.locator(".frame.desktop").count(), 1);
  assert.equal(await page.locator(".frame.phone").count(), 1);
  const { width } = await page.locator(".frame.phone").boundingBox();
  assert.ok(width > 300 && width < 400, `the phone is ${width} wide`);
  assert.match(await page.locator(".frame.phone .card").innerText(), /Order 4711/);
});
await check("beside it stands why it would be sent, to whom, and how large it is", async () => {
  const details = await page.locator(".details").innerText();
  for (const words of ["This event would be sent.", "event.order.total", "person: omar", "Omar Haddad", "of 28.0 KB"]) {
    assert.ok(details.includes(words), `“${words}” is not in “${details}”`);
  }
});
await check("light and dark differ, one beside the other", async () => {
  const back = (theme) => page.locator(`.frame.desktop[data-theme=${theme}] .card`).evaluate((one) => getComputedStyle(one).backgroundColor);
  await theme("both");
  const brightness = (color) => color.match(/\d+/g).slice(0, 3).reduce((sum, one) => sum + Number(one), 0);
  assert.ok(brightness(await back("light")) > 600);
  assert.ok(brightness(await back("dark")) < 200);
  assert.equal(await page.locator(".frame").count(), 4);
  await theme("light");
});

await check("what is saved is seen without reloading, and what did not change is left alone", async () => {
  await page.evaluate(() => {
    window.stayed = true;
    document.querySelector(".details").dataset.stayed = "yes";
  });
  save("rules/shop/order.yaml", rule.replace("Order {{", "Purchase {{"));
  await shows("Purchase 4711");
  assert.equal(await page.evaluate(() => window.stayed), true);
  save("templates/note.yaml", readFileSync(file("templates/note.yaml"), "utf8").replace("Thank you", "Many thanks"));
  await page.evaluate(() => {
    location.hash = "#rule=shop/note";
  });
  await shows("Many thanks");
  const card = await page.locator(".frame.desktop .card").elementHandle();
  // A change of another file draws nothing anew.
  save("rules/shop/order.yaml", rule);
  await until(() => page.evaluate(() => fetch("preview/index").then((answer) => answer.json())), (index) => index.version > 3);
  await new Promise((done) => setTimeout(done, 500));
  assert.equal(await card.evaluate((one) => one.isConnected), true);
});
await check("a broken rule shows what check says, and the last good card stays", async () => {
  await page.evaluate(() => {
    location.hash = "#rule=shop/order";
  });
  await shows("Order 4711");
  save("rules/shop/order.yaml", rule.replace("notify:", "notfy:"));
  await until(wrong, (text) => text.includes("notfy"));
  const text = await wrong();
  assert.match(text, /--> rules\/shop\/order\.yaml:\d+:\d+/);
  assert.match(text, /\^\^\^\^\^/);
  assert.match(text, /last one that worked/);
  assert.match(await cardText(), /Order 4711/);
  save("rules/shop/order.yaml", rule);
  await until(() => page.locator(".problems").count(), (count) => count === 0);
});
await check("an error elsewhere is told in one line and does not push the card away", async () => {
  const other = readFileSync(file("rules/shop/note.yaml"), "utf8");
  save("rules/shop/note.yaml", other.replace("notify:", "notfy:"));
  await until(wrong, (text) => text.includes("1 error in other files"));
  assert.equal(await page.locator(".problems pre").isVisible(), false);
  await page.locator(".problems summary").click();
  assert.match(await page.locator(".problems pre").innerText(), /rules\/shop\/note\.yaml:\d+:\d+/);
  save("rules/shop/note.yaml", other);
  await until(() => page.locator(".problems").count(), (count) => count === 0);
});
await check("a sample that is no JSON any more is told, and its last good card stays", async () => {
  const sample = readFileSync(file("samples/shop/order.json"), "utf8");
  save("samples/shop/order.json", sample.replace("{", "{ oops"));
  await until(wrong, (text) => text.includes("samples/shop/order.json"));
  assert.match(await cardText(), /Order 4711/);
  save("samples/shop/order.json", sample.replace("4711", "4712"));
  await shows("Order 4712");
  save("samples/shop/order.json", sample);
  await shows("Order 4711");
});
await check("another sample and its verdict", async () => {
  await page.locator("#sample").selectOption("samples/shop/small.json");
  await shows("Order 12");
  const details = await page.locator(".details").innerText();
  assert.match(details, /would not be sent/);
  assert.match(details, /found 5/);
  await page.locator("#sample").selectOption("samples/shop/order.json");
  await shows("Order 4711");
});
await check("dates follow the reader and the zone", async () => {
  await shows("18:21");
  await page.locator("#recipient").selectOption({ label: "Anna Berg (anna.berg@contoso.example)" });
  await shows("15:21");
  await page.locator("#zone").fill("America/New_York");
  await page.keyboard.press("Enter");
  await page.locator("#zone").blur();
  await shows("09:21");
  await page.locator("#zone").fill("Nowhere/Land");
  await page.locator("#zone").blur();
  await until(wrong, (text) => text.includes("There is no time zone"));
  assert.match(await cardText(), /09:21/);
  await page.locator("#zone").fill("");
  await page.locator("#zone").blur();
  await until(() => page.locator(".problems").count(), (count) => count === 0);
});
await check("a missing field is named", async () => {
  await page.goto(`${url}/#rule=shop/order&sample=samples/shop/without-time.json`);
  await until(() => page.locator(".warnings").innerText(), (text) => text.includes("event.order.at"));
});
await check("a rule without a sample says where to put one", async () => {
  await page.goto(`${url}/#rule=shop/nosample`);
  await until(() => page.locator(".details .note").innerText(), (text) => text.includes("samples/lonely/NAME.json") && text.includes("empty event"));
  assert.match(await cardText(), /Lonely/);
});

await check("nothing that a payload says runs, loads or becomes markup", async () => {
  await page.goto(`${url}/#rule=shop/order&sample=samples/shop/wicked.json`);
  await shows("Order 666");
  // Herald puts marks of no width where text could be taken for markup.
  const text = (await cardText()).replace(/\u200b/g, "");
  for (const words of ["<script>window.pwned=1</script>", "<img src=x", "[click](javascript:", "reversed"]) {
    assert.ok(text.includes(words), `“${words}” is not shown as text`);
  }
  assert.ok(text.length > 3_000, "the long text is there");
  assert.equal(await page.evaluate(() => window.pwned), undefined);
  const found = await page.evaluate(() => {
    const odd = [...document.querySelectorAll("main script, main iframe, main img[src='x'], main a[href^='javascript']")].map((one) => one.outerHTML);
    const handlers = [...document.querySelectorAll("main *")].filter((one) => [...one.attributes].some(({ name }) => name.startsWith("on")));
    return { odd, handlers: handlers.length, wide: document.documentElement.scrollWidth > innerWidth };
  });
  assert.deepEqual(found, { odd: [], handlers: 0, wide: false });
  const details = await page.locator(".details").innerText();
  assert.ok(details.includes("This event would be sent."));
});
await check("a button tells what it would send", async () => {
  await page.goto(`${url}/#template=form`);
  await page.locator(".frame.desktop").getByLabel("Your words").fill("fine");
  await page.locator(".frame.desktop").getByRole("button", { name: "Send" }).click();
  await until(() => page.locator(".frame.desktop .outcome").innerText(), (text) => text.includes('"words":"fine"') && text.includes("nothing is sent"));
});

await check("all rules are in the gallery, and a new one joins them", async () => {
  await page.goto(`${url}/#`);
  await until(() => page.locator(".tiles").innerText(), (text) => text.includes("shop/order") && text.includes("Order 4711"));
  writeFileSync(file("rules/shop/fresh.yaml"), rule.replace("Order {{", "Fresh {{"));
  await until(() => page.locator(".tiles").innerText(), (text) => text.includes("Fresh 4711"));
  await page.getByLabel("Find a rule").fill("fresh");
  await until(() => page.locator(".tile").count(), (count) => count === 1);
  rmSync(file("rules/shop/fresh.yaml"));
  await until(() => page.locator(".tiles").innerText(), (text) => text.includes("No rule is called so"));
});
await check("the page fits a phone", async () => {
  await page.setViewportSize({ width: 390, height: 800 });
  await page.goto(`${url}/#rule=shop/order`);
  await shows("Order 4711");
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "something is wider than the screen");
  await page.setViewportSize({ width: 1360, height: 860 });
});
await check("a page that was written to a file shows its cards and asks nobody for anything", async () => {
  const alone = await context.newPage();
  listen(alone);
  const requests = [];
  alone.on("request", (request) => requests.push(request.url()));
  await alone.goto(pathToFileURL(still).href);
  await alone.locator(".frame .card").first().waitFor();
  const text = await alone.locator("main").innerText();
  for (const words of ["shop/order", "Order 4711", "shop/note", "Many thanks", "would be sent"]) assert.ok(text.includes(words), words);
  // What stands for a picture from elsewhere.
  await until(() => alone.locator(".no-image").first().innerText(), (words) => words === "Logo");
  await alone.getByRole("radio", { name: "Dark", exact: true }).first().check({ force: true });
  assert.equal(await alone.locator(".frame").first().getAttribute("data-theme"), "dark");
  assert.deepEqual(requests.filter((address) => !address.startsWith("file:") && !address.startsWith("data:")), []);
  await alone.close();
});
await check("nobody but the preview was asked, and nothing was complained about", () => {
  assert.deepEqual(asked.filter((address) => !address.endsWith("/logo.png")), []);
  assert.deepEqual(complaints, []);
});

await browser.close();
end("the preview:");
