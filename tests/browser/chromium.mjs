// Chromium as all checks of pages want it: found, without its own errands, and ended in time.

import { existsSync } from "node:fs";

/** Ends the process with 3: something that the machine should have is missing. */
export const missing = (sentence) => {
  console.error(sentence);
  process.exit(3);
};

/** Starts the browser. The checks fail if they have not ended after so many minutes. */
export async function launch(minutes) {
  if (Number.parseInt(process.versions.node, 10) < 20) missing(`Node ${process.versions.node} is too old: playwright-core wants 20 or newer`);
  const { chromium } = await import("playwright-core").catch(() =>
    missing("playwright-core is missing: run `npm ci` in tests/browser"));
  const executablePath = [process.env.HERALD_CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"]
    .find((path) => path && existsSync(path));
  if (!executablePath) missing("Chromium is missing: install the package `chromium`, or name one with HERALD_CHROMIUM=/path");
  setTimeout(() => {
    console.error(`the browser checks did not end within ${minutes} minutes`);
    process.exit(1);
  }, minutes * 60_000).unref();
  return chromium.launch({
    executablePath,
    args: [
      "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
      "--disable-background-networking", "--disable-component-update", "--disable-sync",
    ],
  });
}
