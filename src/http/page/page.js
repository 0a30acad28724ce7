// Shows what the admin routes say; asks again every two seconds while the page is visible.
"use strict";

const byId = (id) => document.getElementById(id);

function element(name, text, className) {
  const made = document.createElement(name);
  if (text !== undefined && text !== null) made.textContent = String(text);
  if (className) made.className = className;
  return made;
}

function fill(id, children) {
  byId(id).replaceChildren(...children);
}

/** Asks a route; with a body it is told something. */
async function ask(path, body) {
  const told = body && { method: "POST", body: JSON.stringify(body) };
  const headers = { ...token(), ...(body && { "content-type": "application/json" }) };
  const answer = await fetch(path, { ...told, headers });
  if (answer.status === 401) {
    const given = window.prompt("The admin token of this Herald (kept until this tab closes):");
    if (given) sessionStorage.setItem("token", given);
    throw new Error("the admin token is missing or wrong; reload the page to try again");
  }
  const heard = await answer.json();
  if (!answer.ok) throw new Error(heard.error ? heard.error.message : answer.statusText);
  return heard;
}

function token() {
  const kept = sessionStorage.getItem("token");
  return kept ? { authorization: `Bearer ${kept}` } : {};
}

function whyButton(id, label) {
  const button = element("button", label, "why");
  button.type = "button";
  button.addEventListener("click", () => tellWhy(id));
  return button;
}

async function tellWhy(id) {
  const dialog = byId("why");
  try {
    byId("story").textContent = (await ask(`/admin/v1/events/${encodeURIComponent(id)}`)).text;
  } catch (problem) {
    byId("story").textContent = problem.message;
  }
  if (!dialog.open) dialog.showModal();
}

byId("why-close").addEventListener("click", () => byId("why").close());

function showEvents(events) {
  byId("no-events").hidden = events.length > 0;
  fill("events", events.map(({ event, outcome }) => {
    const row = element("tr");
    const ask = element("td");
    ask.append(whyButton(event.id, "Why?"));
    row.append(element("td", new Date(event.occurred_at).toLocaleString()), element("td", event.origin), element("td", outcome), ask);
    row.title = event.id;
    return row;
  }));
}

function show(status, deliveries) {
  const broken = status.last_reload.broken;
  byId("summary").textContent =
    `${status.rules.length} rules in force since ${new Date(status.last_reload.at).toLocaleString()}` +
    (broken.length ? `, ${broken.length} broken files` : "") + ` · version ${status.version}`;
  fill("states", Object.entries(status.deliveries).map(([state, count]) => {
    const tile = element("li");
    tile.append(element("strong", count, count ? state : ""), element("span", state));
    return tile;
  }));
  byId("teams-section").hidden = status.teams.length === 0;
  fill("teams", status.teams.slice(0, 20).map((trouble) => {
    const where = trouble.tenant_id ? `Tenant ${trouble.tenant_id}` : "Everywhere";
    return element("li", `${where}, since ${new Date(trouble.since).toLocaleString()}: ${trouble.reason}`);
  }));
  byId("broken-section").hidden = broken.length === 0;
  fill("broken", broken.map((file) => {
    const row = element("li");
    row.append(element("code", file.file), " ", element("span", file.error + (file.last_good_runs ? " (its last good version runs)" : " (not in force)")));
    return row;
  }));
  byId("nothing").hidden = deliveries.length > 0;
  fill("recent", deliveries.map((delivery) => {
    const row = element("tr");
    const state = element("td", delivery.state, delivery.state);
    row.append(
      element("td", new Date(delivery.created_at).toLocaleString()), state,
      element("td", delivery.rule), element("td", delivery.recipient.name),
      element("td", delivery.attempt_count), element("td", delivery.reason || ""),
    );
    const ask = element("td");
    ask.append(whyButton(delivery.id, "Why?"));
    row.append(ask);
    row.title = delivery.id;
    return row;
  }));
  fill("rules", status.rules.map((rule) => {
    const row = element("li");
    row.append(element("code", rule.name), " ", element("span", rule.description || ""));
    return row;
  }));
}

async function refresh() {
  // Filling the lists again takes the focus away from whoever is about to ask.
  const asking = byId("why").open || byId("order").open || document.activeElement?.classList.contains("why");
  if (!document.hidden && !asking) {
    try {
      const status = await ask("/admin/v1/status");
      show(status, await ask("/admin/v1/deliveries?limit=50"));
      // Looking through many runs that are over costs something; without anything to do none is under way.
      if (status.deliveries.pending + status.deliveries.sending > 0) await refreshRuns();
      else showRuns([]);
      showEvents(await ask("/admin/v1/events?limit=20"));
      byId("problem").hidden = true;
    } catch (problem) {
      byId("problem").textContent = problem.message;
      byId("problem").hidden = false;
    }
  }
  setTimeout(refresh, 2000);
}

// The script for runs comes after this one.
addEventListener("DOMContentLoaded", refresh);
