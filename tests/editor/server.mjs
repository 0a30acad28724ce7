// The language server behind the YAML support of editors, spoken to as an editor does: LSP over stdio.

import { spawn } from "node:child_process";

/** Starts the server by its script, in this folder; `schemas` are those of the editor's settings. */
export async function start(script, root, schemas = {}) {
  const settings = {
    // Nothing is fetched from elsewhere.
    yaml: { validate: true, hover: true, completion: true, schemaStore: { enable: false, url: "" }, schemas, format: { enable: false } },
    http: {}, editor: { tabSize: 2 }, "[yaml]": {}, files: {},
  };
  const child = spawn(process.execPath, [script, "--stdio"], { stdio: ["pipe", "pipe", "inherit"] });
  const waiting = new Map();
  const told = new Map();
  let number = 0;
  let buffer = Buffer.alloc(0);
  const write = (message) => {
    const body = Buffer.from(JSON.stringify({ jsonrpc: "2.0", ...message }));
    child.stdin.write(`Content-Length: ${body.length}\r\n\r\n`);
    child.stdin.write(body);
  };
  const ask = (method, params) => new Promise((done, failed) => {
    number += 1;
    waiting.set(number, { done, failed });
    write({ id: number, method, params });
  });
  const tell = (method, params) => write({ method, params });

  function heard(message) {
    if (message.method === "textDocument/publishDiagnostics") {
      told.get(message.params.uri)?.(message.params.diagnostics);
    } else if (message.method === "workspace/configuration") {
      write({ id: message.id, result: message.params.items.map((item) => settings[item.section] ?? null) });
    } else if (message.method && message.id !== undefined) {
      write({ id: message.id, result: null });
    } else if (message.id !== undefined) {
      const { done, failed } = waiting.get(message.id);
      waiting.delete(message.id);
      if (message.error) failed(new Error(message.error.message));
      else done(message.result);
    }
  }

  child.stdout.on("data", (chunk) => {
    buffer = Buffer.concat([buffer, chunk]);
    for (;;) {
      const end = buffer.indexOf("\r\n\r\n");
      if (end < 0) return;
      const length = Number(/Content-Length: (\d+)/i.exec(buffer.subarray(0, end).toString())[1]);
      if (buffer.length < end + 4 + length) return;
      const body = buffer.subarray(end + 4, end + 4 + length).toString();
      buffer = buffer.subarray(end + 4 + length);
      heard(JSON.parse(body));
    }
  });
  child.on("exit", (code) => {
    for (const { failed } of waiting.values()) failed(new Error(`the language server ended with ${code}`));
  });

  await ask("initialize", {
    processId: process.pid, rootUri: root, workspaceFolders: [{ uri: root, name: "workspace" }],
    capabilities: {
      textDocument: {
        completion: { completionItem: { snippetSupport: true, documentationFormat: ["markdown", "plaintext"] } },
        hover: { contentFormat: ["markdown", "plaintext"] },
        publishDiagnostics: {},
      },
      workspace: { configuration: true, didChangeConfiguration: { dynamicRegistration: true }, workspaceFolders: true },
    },
  });
  tell("initialized", {});
  tell("workspace/didChangeConfiguration", { settings: settings });

  let version = 0;
  const open = (uri, text) => {
    version += 1;
    tell("textDocument/didOpen", { textDocument: { uri, languageId: "yaml", version, text } });
  };
  const close = (uri) => tell("textDocument/didClose", { textDocument: { uri } });
  return {
    /** What is underlined when this text is opened: lines count from 0. */
    async diagnostics(uri, text) {
      const answer = new Promise((done) => told.set(uri, done));
      open(uri, text);
      const diagnostics = await answer;
      told.delete(uri);
      close(uri);
      return diagnostics;
    },
    /** What is offered at `|` in this text. */
    async completion(uri, text) {
      const [plain, position] = cursor(text);
      open(uri, plain);
      const answer = await ask("textDocument/completion", { textDocument: { uri }, position, context: { triggerKind: 1 } });
      close(uri);
      return answer?.items ?? answer ?? [];
    },
    /** What is shown when the pointer rests at `|`. */
    async hover(uri, text) {
      const [plain, position] = cursor(text);
      open(uri, plain);
      const answer = await ask("textDocument/hover", { textDocument: { uri }, position });
      close(uri);
      const contents = answer?.contents ?? "";
      return typeof contents === "string" ? contents : contents.value;
    },
    /** A file on disk changed. */
    changed: (uri) => tell("workspace/didChangeWatchedFiles", { changes: [{ uri, type: 2 }] }),
    async stop() {
      await ask("shutdown", null);
      tell("exit");
    },
  };
}

function cursor(text) {
  const at = text.indexOf("|");
  if (at < 0) throw new Error(`no | in: ${text}`);
  const before = text.slice(0, at).split("\n");
  return [text.slice(0, at) + text.slice(at + 1), { line: before.length - 1, character: before.at(-1).length }];
}
