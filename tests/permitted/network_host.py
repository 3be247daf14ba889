"""A server and a client on loopback, where the network is granted.

must: value "ok"
request: {"sandbox": {"network": "host"}}
"""

import http.server
import threading
import urllib.request


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *arguments):
        pass


def attempt():
    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    text = urllib.request.urlopen("http://127.0.0.1:%d/" % server.server_port, timeout=5).read().decode()
    server.shutdown()
    return text
