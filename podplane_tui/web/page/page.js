// Tells the terminal where its WebSocket is, gives it the keys, and says so when it can't be or is no more.
"use strict";

const body = document.body;
const terminal = document.querySelector("#terminal");
const again = document.querySelector("#again");

const socket = new URL("ws", location.href);
socket.protocol = "ws:";
terminal.dataset.sessionWebsocketUrl = socket.href;

again.addEventListener("click", () => location.reload());

// The terminal's script tells of its connection by classes of the body.
new MutationObserver(() => {
  if (body.classList.contains("-closed")) {
    again.focus();
  } else if (body.classList.contains("-loaded") && document.activeElement === body) {
    terminal.querySelector("textarea")?.focus();
  }
}).observe(body, { attributeFilter: ["class"] });

const unable = (event) => {
  document.querySelector("#words").textContent = `The terminal can't be shown here: ${event.message}.`;
  body.classList.add("-unable");
};
addEventListener("error", unable);
addEventListener("load", () => removeEventListener("error", unable));
