# The inference server of the compose file, at its address.
import http.server
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b"2976.97 of " + self.path.encode())
    def log_message(self, *args): pass
print("serving", flush=True)
http.server.HTTPServer(("172.22.0.4", 8000), Handler).serve_forever()
