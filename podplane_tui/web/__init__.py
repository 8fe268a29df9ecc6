"""The dashboard in a browser on this machine: who may come in, the page, and a process for every tab.

What lives here: HTTP, WebSocket and pipes. What may not: knowledge of machines and of the dashboard, which is a command
that is handed in. The optional extra `serve` brings what this needs; only the verb of that name imports it.
"""
