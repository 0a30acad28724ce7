// Counts what held and what failed, and says which. Used by the checks of pages and of editors.

import { mkdirSync } from "node:fs";

/** What was found so far. */
export const found = { held: 0, failed: 0 };

/** Does a piece of work that fails by throwing. `page`: of which a picture is kept afterwards, where SHOTS names a folder. */
export async function check(sentence, work, page) {
  try {
    await work();
    found.held += 1;
    if (process.env.VERBOSE) console.log(`ok   ${sentence}`);
  } catch (error) {
    found.failed += 1;
    console.error(`FAIL ${sentence}\n     ${String(error.message ?? error).split("\n").slice(0, 14).join("\n     ")}`);
  }
  if (page && process.env.SHOTS) {
    mkdirSync(process.env.SHOTS, { recursive: true });
    await page.screenshot({ path: `${process.env.SHOTS}/${sentence.replace(/[^a-z0-9]+/gi, "-").slice(0, 60)}.png` });
  }
}

/** Ends the process, with 1 if anything failed. `what` was looked at. */
export function end(what) {
  console.log(`${what} ${found.held} checks hold, ${found.failed} fail`);
  process.exit(found.failed === 0 ? 0 : 1);
}
