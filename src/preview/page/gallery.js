// All rules at once, and pages without a server.

import { address, details, frames, lookSwitch, problems, usualLooks } from "./face.js";
import { make, onlyOwnPictures } from "./text.js";

/** A card of the gallery, under its name. */
export function tile(shown, looks, linked) {
  const name = linked ? make("a", { href: address({ [shown.subject.kind]: shown.subject.name }) }, shown.subject.name) : shown.subject.name;
  const broken = shown.problems.errors > 0;
  const state = broken ? "broken" : shown.note && !shown.sample ? "no sample" : shown.warnings.length ? `${shown.warnings.length} not as meant` : "";
  return [
    make("header", {},
      make("h2", {}, name),
      state ? make("span", { className: broken ? "state broken" : "state" }, state) : null,
      shown.description ? make("p", {}, shown.description) : null),
    ...frames(shown, { ...looks, width: looks.width === "phone" ? "phone" : "desktop" }),
  ];
}

/** A whole page of cards that were written into it. */
export function still(cards) {
  onlyOwnPictures();
  const looks = usualLooks();
  const main = document.getElementById("main");
  const draw = () => {
    document.documentElement.dataset.theme = looks.theme === "dark" ? "dark" : "light";
    main.replaceChildren(...cards.flatMap((shown) => sheet(shown, looks)));
  };
  const bar = make("header", { className: "bar" },
    make("span", { className: "home" }, "Herald ", make("span", {}, "preview")),
    make("div", { className: "looks" }, ...lookSwitch(looks, draw)));
  document.body.prepend(bar);
  draw();
}

function sheet(shown, looks) {
  const sample = shown.sample ? `with ${shown.sample}` : "with no sample";
  const title = make("header", { className: "title" },
    make("h1", {}, shown.subject.name),
    make("p", {}, shown.description ? `${shown.description} · ${sample}` : sample));
  const cards = make("div", { className: "frames" }, ...frames(shown, looks));
  const wrong = problems({ ...shown.problems, errors_elsewhere: 0 });
  return [title, ...wrong, make("div", { className: "sheet" }, cards, details(shown))];
}
