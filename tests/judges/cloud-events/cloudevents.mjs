// Sends CloudEvents to Herald as the SDK of the CloudEvents project does: structured, binary, and as a batch. Prints what
// the SDK holds each of them to be, one JSON line each; tests/cloud_events.rs compares that with what Herald understood.

import { CloudEvent, emitterFor } from "cloudevents";

const { HOOK: hook } = process.env;

const events = [
  new CloudEvent({ id: "1", source: "/sensors/7", type: "com.example.hot", subject: "kitchen", time: "2026-03-02T15:02:05.000Z", data: { celsius: 41.5, where: ["a", "b"] } }),
  new CloudEvent({ id: "a b/ü", source: "urn:x:y?z=1", type: "com.example.text", datacontenttype: "text/plain", data: "Zürich is warm" }),
  new CloudEvent({ id: "3", source: "/sensors/7", type: "com.example.bare", level: 3, region: "eu-1" }),
  new CloudEvent({ id: "4", source: "/sensors/7", type: "com.example.list", data: [1, 2, 3] }),
];

/** Attributes and data as the SDK would write them down. */
const held = (event) => {
  const { time, ...rest } = event.toJSON();
  return { ...rest, time };
};

const post = async (message) => {
  const answer = await fetch(hook, { method: "POST", headers: message.headers, body: message.body });
  const text = await answer.text();
  if (answer.status !== 202) throw new Error(`${answer.status} ${text}`);
  return JSON.parse(text);
};

for (const event of events) {
  for (const mode of ["structured", "binary"]) {
    // Its own copy, under an id of its own: the same id would be a repeat.
    const copy = event.cloneWith({ id: `${event.id}-${mode}` });
    const emit = emitterFor(
      async (message) => {
        const answer = await post(message);
        console.log(JSON.stringify({ mode, event: answer.event, held: held(copy) }));
      },
      { mode },
    );
    await emit(copy);
  }
}

const batch = events.map((event) => event.cloneWith({ id: `${event.id}-batch` }));
const { events: taken } = await post({
  headers: { "content-type": "application/cloudevents-batch+json" },
  body: JSON.stringify(batch),
});
taken.forEach((one, index) => console.log(JSON.stringify({ mode: "batch", event: one.event, held: held(batch[index]) })));
