// Reads the changes of a container with Microsoft's own library, a page for each line on standard input, and writes down
// what came: the ids, in order. An empty page is an empty list. tests/judge_of_cosmos.rs says when.

import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { createInterface } from "node:readline";
import { createServer } from "node:tls";
import { ChangeFeedStartFrom, CosmosClient } from "@azure/cosmos";

const { JUDGE_ENDPOINT: account, JUDGE_KEY: key, JUDGE_START: start, JUDGE_CERTIFICATE: certificate, JUDGE_CERTIFICATE_KEY: certificateKey } = process.env;

let endpoint = account;
if (!key) {
  // The library shows a token over TLS only.
  const door = createServer({ cert: readFileSync(certificate), key: readFileSync(certificateKey) }, (visitor) => {
    const behind = connect(new URL(account).port, "127.0.0.1");
    for (const side of [visitor, behind]) side.on("error", () => {});
    visitor.pipe(behind).pipe(visitor);
  });
  await new Promise((ready) => door.listen(0, "127.0.0.1", ready));
  endpoint = `https://127.0.0.1:${door.address().port}`;
}

// With a token in place of a key: what it is asked for, and for which account, is written down, too.
const aadCredentials = {
  async getToken(scopes) {
    console.error(JSON.stringify({ scopes, endpoint }));
    return { token: "a.b.c", expiresOnTimestamp: Date.now() + 3600_000 };
  },
};

const client = new CosmosClient({
  endpoint,
  ...(key ? { key } : { aadCredentials }),
  // It would move to the address that the account gives for its region.
  connectionPolicy: { enableEndpointDiscovery: false, enableBackgroundEndpointRefreshing: false },
});
const container = client.database("shop").container("orders");
const changeFeedStartFrom = start === "oldest" ? ChangeFeedStartFrom.Beginning() : ChangeFeedStartFrom.Time(new Date(start));
const iterator = container.items.getChangeFeedIterator({ changeFeedStartFrom, maxItemCount: 100 });

for await (const _ of createInterface({ input: process.stdin })) {
  const page = await iterator.readNext();
  console.log(JSON.stringify((page.result ?? []).map((document) => document.id)));
}
process.exit(0);
