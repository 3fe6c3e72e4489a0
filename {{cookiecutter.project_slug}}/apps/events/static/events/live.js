// Listens to the page's topic, says in words whether it hears, and has the page refreshed when
// something changed.

const RARELY = 30000; // milliseconds between refreshes while events say when one is due
const AGAIN = 5000; // milliseconds before a browser that gave up is made to try again

const connection = document.querySelector("[data-events]");

function listen(lastEventId) {
  const query = lastEventId ? `?last_event_id=${encodeURIComponent(lastEventId)}` : "";
  const source = new EventSource(connection.dataset.events + query);

  source.addEventListener("open", () => {
    connection.textContent = "Live";
    document.body.dataset.pause = RARELY;
    document.dispatchEvent(new Event("changed"));
  });

  source.addEventListener("changed", (event) => {
    lastEventId = event.lastEventId;
    document.dispatchEvent(new Event("changed"));
  });

  source.addEventListener("error", () => {
    connection.textContent = "Reconnecting";
    delete document.body.dataset.pause;
    // A browser comes back by itself, except after an answer that is no stream.
    if (source.readyState === EventSource.CLOSED) setTimeout(listen, AGAIN, lastEventId);
  });
}

listen();
