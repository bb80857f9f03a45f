// Ask a site by the generated types, and print its answers; test_clients.py compiles and runs it.
// Usage: node ask.js SITE USER
import createClient from "openapi-fetch";
import type { components, paths } from "./generated.js";

declare const process: { argv: string[] }; // of Node, whose types are not needed else
const [site, user] = process.argv.slice(2) as [string, string];
const client = createClient<paths>({ baseUrl: site });

function data<T>({ data, error }: { data?: T; error?: unknown }): T {
  if (data === undefined) throw new Error(JSON.stringify(error));
  return data;
}

const body: components["schemas"]["RecommendationRequest"] = { user_id: user, k: 5, explain: true };
const byUser = data(await client.POST("/v1/recommendations", { body }));
const best: string = byUser.items[0]!.item_id;
const byItems = data(await client.POST("/v1/recommendations", {
  body: { items: [best, { item_id: best, weight: 2 }] },
}));
const path = data(await client.GET("/v1/users/{user_id}/recommendations", {
  params: { path: { user_id: user }, query: { k: 5 } },
}));
const similar = data(await client.GET("/v1/items/{item_id}/similar", {
  params: { path: { item_id: best }, query: { k: 3 } },
}));
const found = data(await client.GET("/v1/items", { params: { query: { q: best, k: 1 } } }));
const scores = data(await client.POST("/v1/scores", {
  body: { user_id: user, candidates: [best, "no such item"] },
}));
const batch = data(await client.POST("/v1/recommendations/batch", { body: { requests: [body, {}] } }));
const inferred = data(await client.POST("/v2/models/modelsystem/infer", {
  body: {
    parameters: { k: 5 },
    inputs: [{ name: "user_id", datatype: "BYTES", shape: [1], data: [user] }],
  },
}));
const { error: unknown } = await client.GET("/v1/items/{item_id}/similar", {
  params: { path: { item_id: "no such item" } },
});
const { error: refused } = await client.POST("/v1/recommendations", { body: { ...body, k: 1001 } });
const statuses: (number | undefined)[] = [unknown?.status, refused?.status];
if (statuses.join() !== "404,422") throw new Error(statuses.join());

console.log(JSON.stringify({
  by_user: byUser, by_items: byItems, path, similar, found, scores, batch, inferred, unknown, refused,
}));
