"use strict";
// Without this file everything works too: forms post, links lead on. It adds keys and what
// changes while a run is under way.
document.documentElement.classList.add("js");

const keys = new Map([...document.querySelectorAll("button[data-keys]")]
  .flatMap((button) => button.dataset.keys.split(" ").map((key) => [key, button])));
let sent = false;
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || sent) return;
  if (event.target.closest("input, select, textarea")) return;
  const button = keys.get(event.key.length === 1 ? event.key.toLowerCase() : event.key);
  if (!button) return;
  event.preventDefault();
  sent = true;
  button.click();
});
document.addEventListener("submit", () => { sent = true; });

const live = [...document.querySelectorAll("[data-live]")];
const followed = document.querySelector("[data-follow]");
const opened = Date.now();
const PATIENCE = 30000; // milliseconds; the server draws a report no more often

// A report is drawn again by itself only while its first screen is looked at.
const follow = (study) => {
  const more = study.done - Number(followed.dataset.shown);
  const again = document.createElement("a");
  again.href = location.pathname;
  again.textContent = "Show them.";
  const since = more > 0 ? `${more.toLocaleString("en")} came since this page was drawn. ` : "";
  followed.replaceChildren(`Verdicts: ${study.words}. ${since}`);
  if (more <= 0) return;
  followed.append(again);
  const idle = window.scrollY < innerHeight / 2 && !document.querySelector("dialog[open]")
    && getSelection().isCollapsed && !document.activeElement.matches("input, select, textarea");
  if (idle && Date.now() - opened > PATIENCE) location.reload();
};

if (live.length || followed) {
  const renew = async () => {
    try {
      const answer = await fetch("/status.json");
      if (!answer.ok) return;
      const found = await answer.json();
      for (const cell of live) {
        const study = found[cell.dataset.live];
        if (study) cell.textContent = study.words;
      }
      const study = followed && found[followed.dataset.follow];
      if (study) follow(study);
    } catch { /* the server has ended */ }
  };
  renew();
  setInterval(renew, 2000);
}
