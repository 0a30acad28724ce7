// Edits files in front of the language server that editors use, and looks at what it offers, shows and underlines.
// Prints what failed (with VERBOSE=1 also what held). The exit code is 1 if anything failed, 3 if something is missing.

import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import { check, end } from "../reporter.mjs";
import { keysOf, wordsOf } from "./keys.mjs";
import { start } from "./server.mjs";
import { wrongEdits } from "./wrong-edits.mjs";

const missing = (sentence) => {
  console.error(sentence);
  process.exit(3);
};

if (Number.parseInt(process.versions.node, 10) < 20) missing(`Node ${process.versions.node} is too old: 20 or newer is needed`);
const script = fileURLToPath(new URL("node_modules/yaml-language-server/bin/yaml-language-server", import.meta.url));
if (!existsSync(script)) missing("yaml-language-server is missing: run `npm ci` in tests/editor");

/** What the caller hands in: folders, files that must be free of complaints, and what the workspace's schema must offer. */
const given = JSON.parse(readFileSync(0, "utf8"));

setTimeout(() => {
  console.error("the language server did not answer everything within five minutes");
  process.exit(1);
}, 300_000).unref();

const server = await start(script, pathToFileURL(given.folder).href);

let number = 0;
/** The text as a file of a workspace whose schemas are in `folder`. */
function file(kind, text, folder = given.schemas) {
  number += 1;
  const schema = `${folder}/${kind}.schema.json`;
  return [pathToFileURL(`${given.folder}/${kind}-${number}.yaml`).href, `# yaml-language-server: $schema=${schema}\n${text}`];
}
const documentation = (item) => (typeof item?.documentation === "string" ? item.documentation : item?.documentation?.value ?? "");
const plain = (text) => text.replace(/[\\*`_'‘’&;]|&nbsp;/g, "").replace(/\s+/g, " ");
const names = (items) => items.map((item) => item.label).join(", ").slice(0, 300);
/** A label as it is written: the server puts some texts in quotes. */
const unquoted = (label) => label.replace(/^["']|["']$/g, "");

// ---- every key of the language ----

const tried = {};
for (const kind of ["rule", "test", "settings", "directory", "template"]) {
  const schema = JSON.parse(readFileSync(`${given.schemas}/${kind}.schema.json`, "utf8"));
  tried[kind] = 0;
  for (const one of keysOf(schema)) {
    tried[kind] += 1;
    await check(`${kind} ${one.path} is offered at its place, with an explanation`, async () => {
      const items = await server.completion(...file(kind, one.completing));
      const item = items.find((item) => item.label === one.key);
      assert.ok(item, `only these are: ${names(items)}\n${one.completing}`);
      assert.ok(plain(documentation(item)).includes(plain(one.description).slice(0, 60)), `it says: ${documentation(item)}`);
    });
    await check(`${kind} ${one.path} is explained where the pointer rests on it`, async () => {
      const shown = await server.hover(...file(kind, one.hovering));
      assert.ok(plain(shown).includes(plain(one.description).slice(0, 60)), `it says: ${shown}\n${one.hovering}`);
    });
    for (const [words, text] of [[wordsOf(schema, one.field), one.valuing], [wordsOf(schema, one.field.items ?? {}), one.listing]]) {
      if (words.length === 0) continue;
      await check(`${kind} ${one.path} offers its words${words.length > 1 ? ", each with its meaning" : ""}`, async () => {
        const items = await server.completion(...file(kind, text));
        for (const { word, meaning } of words) {
          const item = items.find((item) => unquoted(item.label) === String(word));
          assert.ok(item, `\`${word}\` is not in ${names(items)}`);
          if (words.length > 1) assert.ok(meaning && documentation(item).includes(meaning.slice(0, 30)), `\`${word}\` says: ${documentation(item)}`);
        }
      });
    }
  }
}
await check("the schemas have the keys of the language", () => {
  assert.ok(tried.rule > 60 && tried.test > 30 && tried.settings > 30 && tried.directory > 20 && tried.template > 60, JSON.stringify(tried));
});

// ---- wrong edits ----

/** Words that mean nothing to somebody who does not program. */
const JARGON = /\b(object|array|string|boolean|null|property|schema|regex|JSON|undefined|pattern)\b/i;
await check("there are at least 60 wrong edits", () => assert.ok(wrongEdits.length >= 60, String(wrongEdits.length)));
const twice = [given.schemas, given.workspace].flatMap((folder) => wrongEdits.map((one) => [folder, one]));
await Promise.all(twice.map(([folder, one]) => check(`underlined: ${one.name} (${folder})`, async () => {
  const lines = one.text.split("\n");
  const marked = lines.flatMap((line, index) => (line.includes("#!") ? [index + 1] : []));
  assert.ok(marked.length > 0, "no line is marked");
  const told = await server.diagnostics(...file(one.kind, one.text, folder));
  const shown = told.map((one) => `${one.range.start.line}: ${one.message}`).join("\n");
  assert.ok(told.some((told) => marked.includes(told.range.start.line) && one.says.test(told.message)), `wanted ${one.says} in line ${marked}, but this is told:\n${shown}`);
  for (const told_ of told) {
    assert.ok(marked.includes(told_.range.start.line), `a line that is right is underlined, too:\n${shown}`);
    assert.ok(!JARGON.test(told_.message.split(" For example:")[0].replace(/`[^`]*`/g, "")), `an author would not understand: ${told_.message}`);
  }
})));

// ---- no false alarm ----

await check("there are files to be free of complaints", () => assert.ok(given.right.length > 40, String(given.right.length)));
for (const folder of [given.schemas, given.workspace]) {
  await Promise.all(given.right.map((one) => check(`nothing is underlined in ${one.name} (${folder})`, async () => {
    const told = await server.diagnostics(...file(one.kind, one.text.replace(/^# yaml-language-server:.*\n/, "\n"), folder));
    assert.deepEqual(told.map((told) => `${told.range.start.line + 1}: ${told.message}`), []);
  })));
}

// ---- what the workspace knows ----

for (const one of given.offers) {
  await check(`the workspace offers ${one.label} in ${JSON.stringify(one.text)}`, async () => {
    const items = await server.completion(...file(one.kind, one.text, given.workspace));
    const item = items.find((item) => unquoted(item.label) === one.label);
    assert.ok(item, `only these are: ${names(items)}`);
    if (one.says) assert.ok(documentation(item).includes(one.says), `it says: ${documentation(item)}`);
    for (const absent of one.without ?? []) {
      assert.ok(!items.some((item) => unquoted(item.label) === absent), `${absent} has nothing to do with it`);
    }
  });
}
for (const one of given.shows) {
  await check(`the workspace explains ${JSON.stringify(one.text)}`, async () => {
    const shown = await server.hover(...file(one.kind, one.text, given.workspace));
    assert.ok(shown.includes(one.says), `it says: ${shown}`);
  });
}

await check("what the workspace learns is offered without restarting the editor", async () => {
  const path = `${given.workspace}/rule.schema.json`;
  writeFileSync(path, readFileSync(path, "utf8").replaceAll("event.deployment_status.state", "event.learnt_just_now"));
  server.changed(pathToFileURL(path).href);
  const text = "when:\n  hook: github\n  event_type: deployment_status\nif:\n  |\n";
  const items = await server.completion(...file("rule", text, given.workspace));
  assert.ok(items.some((item) => item.label === "event.learnt_just_now"), `only these are: ${names(items)}`);
});

// ---- without the line at the top ----

const settings = JSON.parse(readFileSync(`${given.made}/.vscode/settings.json`, "utf8"));
const code = await start(script, pathToFileURL(given.made).href, settings["yaml.schemas"]);
for (const [path, label] of [
  ["herald.yaml", "hooks"], ["directory.yaml", "people"], ["rules/x.yaml", "notify"], ["rules/deep/x.yml", "notify"], ["rules/deep/x.test.yaml", "tests"], ["templates/x.yaml", "actions"],
]) {
  await check(`the settings for VS Code give ${path} its schema`, async () => {
    let items = [];
    // The server answers before it has read its settings.
    for (let tries = 0; tries < 100 && items.length === 0; tries += 1) {
      items = await code.completion(pathToFileURL(`${given.made}/${path}`).href, "# mine\n|\n");
      if (items.length === 0) await new Promise((done) => setTimeout(done, 100));
    }
    assert.ok(items.some((item) => item.label === label), `only these are: ${names(items)}`);
  });
}
await check("the settings for VS Code leave other files alone", async () => {
  for (const path of ["templates/partials/x.yaml", "other.yaml"]) {
    const items = await code.completion(pathToFileURL(`${given.made}/${path}`).href, "# mine\n|\n");
    assert.equal(names(items), "", path);
  }
});

await code.stop();
await server.stop();
end(`editors: ${JSON.stringify(tried)} keys, ${wrongEdits.length} wrong edits;`);
