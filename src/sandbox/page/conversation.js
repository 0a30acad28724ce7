// The right side: one conversation, its messages, and writing to the bot.

import { renderCard } from "./card.js";
import { happenings } from "./happening.js";
import { menuButton } from "./menu.js";
import { avatar, gist, icon, moment } from "./place.js";
import { make, markdown, mention, mentionsOf, safePicture } from "./text.js";

const CARD = "application/vnd.microsoft.card.adaptive";

/** Shows a place in `main` and keeps it up to date. */
export class Conversation {
  constructor(main, place, state, tools) {
    this.place = place;
    this.state = state;
    this.tools = tools;
    this.thread = null;
    this.actor = place.person ?? place.members[0]?.id ?? null;
    this.top = make("header", { className: "top" });
    this.messages = make("div", { className: "log-inner" });
    this.log = make("div", { className: "log", role: "log", tabIndex: 0, "aria-label": `Messages with ${place.name}` }, this.messages);
    this.foot = make("div");
    main.replaceChildren(this.top, this.log, this.foot);
    this.draw();
    this.log.scrollTop = this.log.scrollHeight;
  }

  /** The world changed around it: only what differs is drawn again, for somebody may be typing or choosing. */
  refresh(place) {
    const old = this.place;
    const low = this.isLow();
    this.place = place;
    this.header();
    if (footing(old) !== footing(place)) this.footer();
    const known = new Map(old.messages.map((message) => [message.id, JSON.stringify(message)]));
    const there = new Set(place.messages.map((message) => message.id));
    for (const message of old.messages) if (!there.has(message.id)) this.remove(message.id);
    for (const message of place.messages) if (known.get(message.id) !== JSON.stringify(message)) this.insert(message, false);
    this.silence();
    if (low) this.log.scrollTop = this.log.scrollHeight;
  }

  draw() {
    this.header();
    this.footer();
    this.messages.replaceChildren();
    for (const message of this.place.messages) this.insert(message, false);
    this.silence();
  }

  silence() {
    const old = this.messages.querySelector(".silence");
    old?.remove();
    if (this.place.messages.length) return;
    const text = this.place.installed
      ? "Nothing has been said here yet."
      : `${this.state.bot} is not installed here, so it cannot write.`;
    this.messages.append(make("p", { className: "silence" }, text));
  }

  isLow() {
    return this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < 80;
  }

  // ---- header and footer ----

  header() {
    // An open menu is not taken away from whoever reads it; the new header comes when it closes.
    this.outdated = this.top.querySelector(".menu-list:not([hidden])") !== null;
    if (this.outdated) return;
    const { place, state } = this;
    const back = make("button", { type: "button", className: "icon back", "aria-label": "All conversations" }, icon("back"));
    back.addEventListener("click", () => {
      location.hash = "#";
    });
    const title = place.team ? `${place.team.name} / ${place.name}` : place.name;
    const people = place.people === 1 ? "1 person" : `${place.people} people`;
    const about = [place.about ?? people, place.archived ? "archived" : null, place.blocked ? `blocks ${state.bot}` : null];
    const buttons = [];
    const entries = happenings(place, state, (what) => this.happen(what));
    buttons.push(place.installed
      ? this.button(`Remove ${state.bot}`, "quiet", { do: "uninstall", conversation: place.id })
      : this.button(`Install ${state.bot}`, "main", { do: "install", conversation: place.id }));
    if (entries.length) buttons.push(menuButton("More", entries, () => this.outdated && this.header()));
    this.top.replaceChildren(
      back,
      avatar(place.team ? place.team.name : place.name, place.team ? "group" : place.kind),
      make("div", { className: "names" }, make("h1", {}, title), make("p", {}, about.filter((part) => part).join(" · "))),
      make("div", { className: "buttons" }, ...buttons),
    );
  }

  button(text, style, what) {
    const button = make("button", { type: "button", className: `button ${style}` }, text);
    button.addEventListener("click", async () => {
      button.disabled = true;
      await this.happen(what);
      button.disabled = false;
    });
    return button;
  }

  /** Makes it happen and says so when the bot did not like it. */
  async happen(what) {
    const answer = await this.tools.act(what);
    if (answer && answer.status >= 300) this.tools.toast(`${this.state.bot} answered ${answer.status}.`);
  }

  footer() {
    const { place, state } = this;
    if (!place.installed) {
      this.foot.className = "closed";
      this.foot.replaceChildren(
        `${state.bot} is not installed here.`,
        this.button("Install it", "main", { do: "install", conversation: place.id }),
      );
      return;
    }
    this.foot.className = "write";
    const text = make("textarea", { rows: 1, placeholder: `Write to ${state.bot}`, "aria-label": `Write to ${state.bot}`, maxLength: 20000 });
    const send = make("button", { type: "submit", className: "send", "aria-label": "Send" }, icon("send"));
    this.options = make("div", { className: "options" });
    const form = make("form", {}, this.options, make("div", { className: "line" }, text, send));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.say(text);
    });
    text.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        this.say(text);
      }
    });
    this.foot.replaceChildren(form);
    this.writingAs();
  }

  writingAs() {
    const { place } = this;
    this.options.replaceChildren();
    if (place.kind !== "personal") {
      const select = make("select", { "aria-label": "Write and press buttons as" });
      for (const member of place.members) {
        select.append(make("option", { value: member.id, selected: member.id === this.actor }, member.name));
      }
      select.addEventListener("change", () => {
        this.actor = select.value;
      });
      this.options.append(make("span", {}, "as ", select));
    }
    if (this.thread) {
      const stop = make("button", { type: "button", className: "icon", "aria-label": "Do not reply, write a new post" }, icon("close"));
      stop.addEventListener("click", () => this.reply(null));
      this.options.append(make("span", { className: "in-thread" }, "Replying in a thread", stop));
    }
  }

  reply(root) {
    this.thread = root;
    this.writingAs();
    if (root) this.foot.querySelector("textarea")?.focus();
  }

  async say(text) {
    const words = text.value.trim();
    if (!words) return;
    text.value = "";
    const { id } = this.place;
    await this.happen({ do: "say", person: this.actor, conversation: id, thread: this.thread, text: words });
  }

  // ---- messages ----

  /** Shows a message that is new or was replaced. */
  put(message, fresh) {
    const low = this.isLow();
    this.insert(message, fresh);
    this.silence();
    if (low) this.log.scrollTo({ top: this.log.scrollHeight, behavior: fresh ? "smooth" : "instant" });
  }

  remove(id) {
    const element = this.element(id);
    const thread = element?.closest(".thread");
    if (thread && thread.dataset.root === id) thread.remove();
    else element?.remove();
    this.silence();
  }

  element(id) {
    return [...this.messages.querySelectorAll("[data-message]")].find((element) => element.dataset.message === id);
  }

  insert(message, fresh) {
    const element = this.drawMessage(message);
    const old = this.element(message.id);
    if (old) {
      old.replaceWith(element);
      return;
    }
    if (fresh) element.classList.add("fresh");
    if (this.place.kind !== "channel" || message.from.kind === "teams") {
      this.messages.append(element);
      return;
    }
    const root = message.root ?? message.id;
    let thread = [...this.messages.querySelectorAll(".thread")].find((one) => one.dataset.root === root);
    if (!thread) {
      const answer = make("button", { type: "button", className: "button quiet" }, icon("reply"), "Reply");
      answer.addEventListener("click", () => this.reply(root));
      thread = make("section", { className: "thread", "data-root": root }, make("div", { className: "replies" }), answer);
      this.messages.append(thread);
    }
    if (message.root) thread.querySelector(".replies").append(element);
    else thread.prepend(element);
  }

  drawMessage(message) {
    const { from, activity } = message;
    if (from.kind === "teams") return make("p", { className: "note", "data-message": message.id }, activity.text);
    const own = from.kind === "person" && this.place.kind === "personal";
    const by = make("div", { className: "by" });
    if (!own) by.append(make("b", {}, from.name));
    if (from.kind === "bot") by.append(make("span", { className: "badge" }, "App"));
    by.append(moment(message.at), message.edited ? " · Edited" : "");
    for (const mark of marks(activity)) by.append(make("span", { className: `mark ${mark}` }, mark));
    const body = make("div", { className: "body" }, ...this.contents(message));
    return make(
      "article",
      { className: own ? "message own" : "message", "data-message": message.id, "aria-label": `${from.name}: ${gist(message)}` },
      avatar(from.name, from.kind),
      by,
      body,
    );
  }

  contents(message) {
    const { activity } = message;
    const parts = [];
    const text = typeof activity.text === "string" ? activity.text.trim() : "";
    if (text) parts.push(bubble(text, activity));
    for (const attachment of Array.isArray(activity.attachments) ? activity.attachments : []) {
      parts.push(this.attachment(attachment, message));
    }
    return parts;
  }

  attachment(attachment, message) {
    if (attachment?.contentType === CARD) {
      const card = renderCard(attachment.content, (action, inputs, button) => this.press(message, action, inputs, button));
      return card;
    }
    const kind = String(attachment?.contentType ?? "unknown type");
    const picture = kind.startsWith("image/") ? safePicture(attachment.contentUrl) : null;
    if (picture) return make("img", { src: picture, alt: String(attachment.name ?? "picture"), className: "bubble" });
    return make("div", { className: "bubble" }, `Attachment of ${kind}`);
  }

  // ---- buttons of cards ----

  async press(message, action, inputs, button) {
    button.classList.add("pressed");
    button.disabled = true;
    const { id } = this.place;
    const what = { do: "press", person: this.actor, conversation: id, message: message.id, action, inputs };
    const answer = await this.tools.act(what);
    button.classList.remove("pressed");
    button.disabled = false;
    if (!answer) return;
    const element = this.element(message.id);
    if (element) this.outcome(element, message, action, answer);
  }

  outcome(element, message, action, answer) {
    const body = element.querySelector(".body");
    const say = (text, bad) => {
      body.querySelector(".outcome")?.remove();
      body.append(make("p", { className: bad ? "outcome bad" : "outcome", role: "status" }, text));
    };
    const { bot } = this.state;
    const inner = answer.body ?? {};
    if (answer.status >= 300) {
      say(`${bot} answered ${answer.status}: Teams would say that something went wrong.`, true);
    } else if (action.type !== "Action.Execute") {
      say(`Sent to ${bot}.`, false);
    } else if (inner.type === CARD) {
      const card = renderCard(inner.value, (next, inputs, button) => this.press(message, next, inputs, button));
      (body.querySelector(".card") ?? body).replaceWith(card);
      say("This answer is for whoever pressed the button.", false);
    } else if (inner.type === "application/vnd.microsoft.activity.message") {
      say(String(inner.value), false);
    } else if (String(inner.type ?? "").startsWith("application/vnd.microsoft.error")) {
      say(String(inner.value?.message ?? inner.value?.code ?? "The bot reports an error."), true);
    } else {
      say(`Sent to ${bot}, which answered nothing to show.`, false);
    }
  }
}

/** What a message says of itself beside its words. */
function marks(activity) {
  const importance = String(activity.importance ?? "").toLowerCase();
  return [
    importance === "high" ? "important" : null,
    importance === "low" ? "unimportant" : null,
    activity.channelData?.notification?.alert === true ? "alert" : null,
  ].filter((mark) => mark);
}

/** What the footer depends on. */
function footing(place) {
  return JSON.stringify([place.installed, place.members]);
}

function bubble(text, activity) {
  const mentions = mentionsOf(activity.entities);
  if (String(activity.textFormat).toLowerCase() !== "plain") {
    return make("div", { className: "bubble" }, ...markdown(text, mentions));
  }
  const element = make("div", { className: "bubble plain" });
  for (const part of text.split(/(<at>.*?<\/at>)/)) {
    element.append(mentions.has(part) ? mention(mentions.get(part), part) : part);
  }
  return element;
}
