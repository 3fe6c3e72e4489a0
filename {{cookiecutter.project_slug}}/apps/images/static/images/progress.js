// Keeps the image's state fresh until it is finished: asks for this page again and takes it over,
// so that the server alone decides what it looks like.

const PAUSE = 1000; // milliseconds between an answer and the next question, unless the page says

let timer = null;
let refreshing = false;
let again = false;

async function refresh() {
  if (refreshing) {
    again = true;
    return;
  }
  refreshing = true;
  clearTimeout(timer);
  let finished = false;
  do {
    again = false;
    try {
      const response = await fetch(location.href, { cache: "no-store" });
      if (response.status < 500) {
        const page = new DOMParser().parseFromString(await response.text(), "text/html");
        const image = page.querySelector("#image");
        finished = image === null || "finished" in image.dataset;
        document.querySelector("#image").replaceWith(image ?? page.querySelector("main"));
      }
    } catch {
      // No connection; the next time there may be one.
    }
  } while (again && !finished);
  refreshing = false;
  if (finished) document.removeEventListener("changed", refresh);
  else timer = setTimeout(refresh, Number(document.body.dataset.pause ?? PAUSE));
}

document.addEventListener("changed", refresh);
refresh();
