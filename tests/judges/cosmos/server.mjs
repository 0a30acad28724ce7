// An account of Cosmos DB that others wrote, in memory: @vercel/cosmosdb-server. Microsoft's own library makes a database and
// a container in it, and one document for each line on standard input. Its address is the first line written.

import { createInterface } from "node:readline";
import { CosmosClient } from "@azure/cosmos";
import server from "@vercel/cosmosdb-server";

const account = server.createHttpServer();
await new Promise((ready) => account.listen(0, "127.0.0.1", ready));
const endpoint = `http://127.0.0.1:${account.address().port}`;
const client = new CosmosClient({
  endpoint,
  key: process.env.JUDGE_KEY,
  connectionPolicy: { enableEndpointDiscovery: false, enableBackgroundEndpointRefreshing: false },
});
const { database } = await client.databases.createIfNotExists({ id: "shop" });
const { container } = await database.containers.createIfNotExists({ id: "orders", partitionKey: { paths: ["/shop"] } });
console.log(endpoint);

for await (const line of createInterface({ input: process.stdin })) {
  const { resource } = await container.items.create(JSON.parse(line));
  console.log(JSON.stringify(resource));
}
process.exit(0);
