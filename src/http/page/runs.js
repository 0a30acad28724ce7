// Runs that are under way, and what somebody wants of them.
"use strict";

// What is asked before it is done. A reason is asked for where others will wonder.
const ORDERS = {
  approve: { label: "Approve", title: "Send it?", text: (what) => `${what} goes out.` },
  pause: { label: "Pause", title: "Pause it?", text: (what) => `Nothing more of ${what} is sent until it is resumed.`, because: true },
  resume: { label: "Resume", title: "Let it go on?", text: (what) => `${what} goes on where it was.` },
  cancel: {
    label: "Cancel", title: "Cancel it?", because: true,
    text: (what) => `What has not been sent of ${what} is not sent any more, and nobody can change that. What was delivered stays.`,
  },
};

// Which orders a run obeys as it stands.
const POSSIBLE = {
  "running": ["pause", "cancel"],
  "correcting": ["pause", "cancel"],
  "trying": ["pause", "resume", "cancel"],
  "awaiting approval": ["approve", "cancel"],
  "paused": ["resume", "cancel"],
};

let ordered = null;

function orderButton(run, order) {
  const { label, title, text, because } = ORDERS[order];
  const button = element("button", label, "why");
  button.type = "button";
  button.addEventListener("click", () => {
    ordered = { run, order };
    byId("order-title").textContent = title;
    byId("order-text").textContent = text(`the run of ${run.rule} (${run.id})`);
    byId("order-because").hidden = !because;
    byId("order-reason").value = "";
    byId("order-problem").hidden = true;
    byId("order").showModal();
  });
  return button;
}

byId("order-no").addEventListener("click", () => byId("order").close());

byId("order-yes").addEventListener("click", async () => {
  const { run, order } = ordered;
  byId("order-yes").disabled = true;
  try {
    const body = ORDERS[order].because ? { reason: byId("order-reason").value } : {};
    await ask(`/admin/v1/runs/${encodeURIComponent(run.id)}/${order}`, body);
    byId("order").close();
    await refreshRuns();
  } catch (problem) {
    byId("order-problem").textContent = problem.message;
    byId("order-problem").hidden = false;
  }
  byId("order-yes").disabled = false;
});

function showRuns(runs) {
  byId("runs-section").hidden = runs.length === 0;
  fill("runs", runs.map(({ run, standing, reason, progress, tally, time_left: left }) => {
    const row = element("tr");
    const state = element("td", reason ? `${standing}: ${reason}` : standing, standing === "running" ? "sending" : "");
    const bar = element("progress");
    bar.max = Math.max(progress.expected, 1);
    bar.value = progress.ended;
    bar.setAttribute("aria-label", `${progress.percent} percent of ${run.rule}`);
    const far = element("td");
    far.append(bar, element("span", ` ${progress.percent} %: ${tally}`));
    const orders = element("td", null, "orders");
    for (const order of POSSIBLE[standing] ?? []) orders.append(orderButton(run, order));
    orders.append(whyButton(run.event_id, "Why?"));
    row.append(element("td", new Date(run.created_at).toLocaleString()), element("td", run.rule), state, far, element("td", left ?? ""), orders);
    row.title = run.id;
    return row;
  }));
}

async function refreshRuns() {
  showRuns(await ask("/admin/v1/runs?open=true&limit=20"));
}
