// Keeps the tiles live: asks for this page again and takes over its tiles, so that the server
// alone decides what a tile looks like.

const PAUSE = 2000; // milliseconds between an answer and the next question, unless the page says

let refreshing = null;

async function refresh() {
  refreshing?.abort();
  refreshing = new AbortController();
  const { signal } = refreshing;
  try {
    const response = await fetch(location.href, { cache: "no-store", signal });
    if (!response.ok) throw new Error(`status ${response.status}`);
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    document.querySelector("#live").replaceWith(page.querySelector("#live"));
  } catch (error) {
    if (signal.aborted) return;
    document.querySelector(".summary").textContent =
      "No connection to the service; trying again.";
  }
  setTimeout(() => {
    if (!signal.aborted) refresh();
  }, Number(document.body.dataset.pause ?? PAUSE));
}

async function flip(event) {
  event.preventDefault();
  const form = event.target;
  const body = new FormData(form, event.submitter);
  await fetch(form.action, { method: "POST", body, redirect: "manual" });
  for (const button of form.querySelectorAll("button")) {
    button.setAttribute("aria-pressed", button === event.submitter);
  }
  refresh();
}

for (const form of document.querySelectorAll(".switches")) {
  form.addEventListener("submit", flip);
}
document.addEventListener("changed", refresh);
refresh();
