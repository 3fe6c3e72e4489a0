// Shows how much of the image is sent, then goes where the form leads.

const form = document.querySelector(".upload");
const progress = form.querySelector(".progress");
const bar = form.querySelector("progress");
const error = form.querySelector("#error");
const button = form.querySelector("button");

function fail(text) {
  progress.hidden = true;
  button.disabled = false;
  error.textContent = text;
}

function reason(request) {
  if (request.getResponseHeader("Content-Type")?.includes("json")) {
    return JSON.parse(request.responseText).detail;
  }
  const page = new DOMParser().parseFromString(request.responseText, "text/html");
  return (page.querySelector("#error") ?? page.querySelector("main")).textContent.trim();
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const request = new XMLHttpRequest(); // fetch does not tell how much is sent
  request.upload.addEventListener("progress", ({ loaded, total }) => {
    bar.value = (100 * loaded) / total;
  });
  request.addEventListener("load", () => {
    if (request.status === 200) location.assign(request.responseURL);
    else fail(reason(request));
  });
  request.addEventListener("error", () => fail("The connection broke. Try again."));
  request.open("POST", form.action);
  request.send(new FormData(form));
  error.textContent = "";
  bar.value = 0;
  progress.hidden = false;
  button.disabled = true;
});
