"""A complete receiver of Rollcall's webhooks: verify, handle each event once, answer.

    WEBHOOK_SECRET=whsec_... PORT=3000 python receiver.py
"""

import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks import Webhook, WebhookVerificationError

MAX_BODY = 1024 * 1024

# What has been handled. In your application this is a table with a unique key on the id, written
# in the same transaction as the change itself, so that a crash in between loses neither.
handled = set()
lock = threading.Lock()


def handle(event):
    # A membership event's `data` has the group and the user, every other event's `data` is the
    # resource itself, whole.
    subject = event.get("subject") or {}
    print(f"{event['type']} {subject.get('id', '')} sequence={event.get('sequence', '-')}", flush=True)


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    webhook: Webhook

    def do_POST(self):
        try:
            length = int(self.headers.get("content-length", ""))
        except ValueError:
            return self.answer(411, close=True)
        if not 0 <= length <= MAX_BODY:
            return self.answer(413, close=True)
        # The signature is over the bytes as they came: verify first, parse after.
        body = self.rfile.read(length)
        try:
            event = self.webhook.verify(body, dict(self.headers))
        except (WebhookVerificationError, ValueError) as error:
            print(f"refused: {error}", flush=True)
            return self.answer(401)
        event_id = self.headers["webhook-id"]
        try:
            with lock:
                if event_id in handled:
                    # Delivery is at least once: the same id is the same event.
                    print(f"duplicate {event_id}", flush=True)
                else:
                    handle(event)
                    handled.add(event_id)
        except Exception as error:  # Not 2xx: it comes again later.
            print(f"failed: {error!r}", file=sys.stderr)
            return self.answer(500)
        # 2xx says that the event is safe here. Answer it after the change is durable, not before.
        self.answer(204)

    def answer(self, status, close=False):
        self.send_response(status)
        if status != 204:
            self.send_header("content-length", "0")
        if close:
            self.send_header("connection", "close")
            self.close_connection = True
        self.end_headers()

    def log_message(self, *_):
        pass


def main():
    secret = os.environ.get("WEBHOOK_SECRET")
    if not secret:
        sys.exit("WEBHOOK_SECRET is not set: it is the `secret` of the answer that made the endpoint")
    Receiver.webhook = Webhook(secret)
    address = (os.environ.get("HOST", "127.0.0.1"), int(os.environ.get("PORT", "3000")))
    server = ThreadingHTTPServer(address, Receiver)
    host, port = server.server_address[:2]
    print(f"listening on http://{host}:{port}/", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
