// Tells the terminal where its WebSocket is, gives it the keys, and says so when it is no more.
"use strict";

const body = document.body;
const terminal = document.querySelector("#terminal");
const again = document.querySelector("#again");

const socket = new URL("ws", location.href);
socket.protocol = "ws:";
terminal.dataset.sessionWebsocketUrl = socket.href;

again.addEventListener("click", async () => {
  const answer = await fetch(location.href).catch(() => null);
  if (answer?.ok) {
    location.reload();
  } else {
    document.querySelector("#words").textContent =
      "podplane-tui serve has ended, too: start it again, and open the link it prints.";
  }
});

// The terminal's script tells of its connection by classes of the body.
new MutationObserver(() => {
  if (body.classList.contains("-closed")) {
    again.focus();
  } else if (body.classList.contains("-loaded") && document.activeElement === body) {
    terminal.querySelector("textarea")?.focus();
  }
}).observe(body, { attributeFilter: ["class"] });
