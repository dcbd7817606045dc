// Figures: fetched as Plotly's JSON in the colours of the page, drawn by the local plotly.js.

const QUIET = { displayModeBar: false, responsive: true, showTips: false };
const NARROW = 640;

let library;

/** plotly.js, loaded once, when a page has a figure. */
function plotly() {
  library ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = document.body.dataset.plotly;
    script.onload = () => resolve(window.Plotly);
    script.onerror = reject;
    document.head.append(script);
  });
  return library;
}

/** The address of a figure in the colours and the width of this page. */
function address(path, query) {
  const all = new URLSearchParams(query);
  if (matchMedia("(prefers-color-scheme: dark)").matches) all.set("theme", "dark");
  if (innerWidth < NARROW) all.set("narrow", "1");
  return `${path}?${all}`;
}

async function get(figure, query, signal) {
  const [path, own] = figure.dataset.figure.split("?");
  const answer = await fetch(address(path, query ?? own ?? ""), { signal });
  const found = await answer.json();
  return answer.ok ? found : { problem: found };
}

async function draw(figure, found) {
  const caption = figure.querySelector("figcaption");
  figure.classList.toggle("empty", Boolean(found.problem));
  if (found.problem) {
    caption.textContent = [found.problem.message, found.problem.hint].filter(Boolean).join(" ");
    return;
  }
  const canvas = figure.querySelector(".canvas");
  const Plotly = await plotly();
  await Plotly.react(canvas, found.data, { ...found.layout, autosize: true }, QUIET);
  canvas.setAttribute("aria-label", found.alt || found.title);
  caption.textContent = found.caption;
}

/** Draw every figure of the page. */
export async function drawAll() {
  const figures = [...document.querySelectorAll("[data-figure]")];
  await Promise.all(figures.map(async (figure) => draw(figure, await get(figure))));
}

/** Draw all figures for another state, each as it comes. */
export async function redraw(query, signal) {
  const figures = [...document.querySelectorAll("[data-figure]")];
  await Promise.all(
    figures.map(async (figure) => {
      const found = await get(figure, query, signal);
      if (!signal.aborted) await draw(figure, found);
    }),
  );
}
