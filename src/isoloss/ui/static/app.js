// What the pages do beyond plain HTML: plots, a slider, progress, dropping files, copying.
// No number is worked out here: every one comes from the server as it is shown.

import { drawAll, redraw } from "./plots.js";

const root = document.documentElement;
root.classList.add("js");

/** Say that everything that was asked for is on the screen. */
function ready() {
  document.body.dataset.ready = String(Number(document.body.dataset.ready ?? 0) + 1);
}

function copying() {
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const source = document.getElementById(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(source.textContent);
      button.textContent = "Copied";
    } catch {
      // Without the right to write, the text is selected for the keyboard.
      getSelection().selectAllChildren(source);
      button.textContent = "Selected";
    }
    setTimeout(() => (button.textContent = "Copy"), 2000);
  });
}

function dropping() {
  const form = document.querySelector("[data-drop]");
  if (!form) return;
  const input = form.querySelector("input[type=file]");
  const over = (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    root.classList.add("dropping");
  };
  addEventListener("dragover", over);
  addEventListener("dragenter", over);
  addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) root.classList.remove("dropping");
  });
  addEventListener("drop", (event) => {
    if (!event.dataTransfer?.files.length) return;
    event.preventDefault();
    root.classList.remove("dropping");
    input.files = event.dataTransfer.files;
    form.requestSubmit();
  });
}

/** Follow jobs until they end, then show the page's results anew. */
async function following() {
  const outputs = [...document.querySelectorAll("output[data-job]")];
  if (!outputs.length) return;
  let open = true;
  while (open) {
    await new Promise((resolve) => setTimeout(resolve, 350));
    const states = await Promise.all(
      outputs.map(async (output) => {
        const answer = await fetch(`/api/jobs/${output.dataset.job}`);
        if (!answer.ok) return "gone";
        const job = await answer.json();
        if (job.state === "queued") output.textContent = `waiting, ${job.before} before it`;
        if (job.state === "running")
          output.textContent = `${job.message}, ${Math.round(job.seconds)} s`;
        return job.state;
      }),
    );
    open = states.every((state) => state === "queued" || state === "running");
  }
  await refresh();
}

async function refresh() {
  const answer = await fetch(location.href);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (document.body.dataset.page === "plan" || document.body.dataset.page === "pilot") {
    // The whole page changes, not only a card of it.
    document.querySelector("main").replaceWith(page.querySelector("main"));
    sliding();
  } else {
    document.getElementById("results").replaceWith(page.getElementById("results"));
  }
  await drawAll();
  ready();
  following();
}

/** Let the decision and its figures follow the slider; an answer that is late is dropped. */
function sliding() {
  const slider = document.querySelector("[data-slider]");
  if (!slider) return;
  const said = slider.parentElement.querySelector("output");
  const budget = document.querySelector("[data-budget] [name=flop]");
  let asked = new AbortController();
  slider.addEventListener("input", async () => {
    asked.abort();
    asked = new AbortController();
    const { signal } = asked;
    const query = new URLSearchParams(location.search);
    query.set("place", slider.value);
    try {
      const figures = redraw(query, signal);
      figures.catch(() => {}); // said below, where it is waited for
      const answer = await (await fetch(`/plan/card?${query}`, { signal })).text();
      const box = document.createElement("template");
      box.innerHTML = answer;
      const card = box.content.querySelector("[data-card]");
      if (signal.aborted || !card) return;
      document.querySelector("[data-card]").replaceWith(card);
      budget.value = card.dataset.flop;
      said.textContent = `${card.dataset.said} FLOP`;
      slider.setAttribute("aria-valuetext", said.textContent);
      history.replaceState(null, "", card.dataset.url);
      for (const link of document.querySelectorAll("[data-follow]")) {
        link.href = `/${link.dataset.follow}${new URL(card.dataset.url, location.href).search}`;
      }
      document.getElementById("command-text").textContent = card.dataset.command;
      await figures;
      if (!signal.aborted) ready();
    } catch (error) {
      if (error.name !== "AbortError") throw error;
    }
  });
}

copying();
dropping();
sliding();
await drawAll();
ready();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", async () => {
  await drawAll();
  ready();
});
following();
