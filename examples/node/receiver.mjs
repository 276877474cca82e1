// A complete receiver of Rollcall's webhooks: verify, handle each event once, answer.
//
//   WEBHOOK_SECRET=whsec_… PORT=3000 node receiver.mjs

import { createServer } from "node:http";
import { Webhook } from "standardwebhooks";

const secret = process.env.WEBHOOK_SECRET;
if (!secret) {
  console.error("WEBHOOK_SECRET is not set: it is the `secret` of the answer that made the endpoint");
  process.exit(1);
}
const webhook = new Webhook(secret);
const MAX_BODY = 1024 * 1024;

// What has been handled. In your application this is a table with a unique key on the id, written
// in the same transaction as the change itself, so that a crash in between loses neither.
const handled = new Set();

function handle(event) {
  // A membership event's `data` has the group and the user, every other event's `data` is the
  // resource itself, whole.
  console.log(`${event.type} ${event.subject?.id ?? ""} sequence=${event.sequence ?? "-"}`);
}

function readBody(request) {
  return new Promise((resolve, reject) => {
    const chunks = [];
    let size = 0;
    request.on("data", (chunk) => {
      size += chunk.length;
      if (size > MAX_BODY) {
        reject(new Error("the body is too large"));
        request.destroy();
      } else {
        chunks.push(chunk);
      }
    });
    // The signature is over the bytes as they came: verify first, parse after.
    request.on("end", () => resolve(Buffer.concat(chunks).toString("utf8")));
    request.on("error", reject);
  });
}

const server = createServer(async (request, response) => {
  const answer = (status) => response.writeHead(status).end();
  if (request.method !== "POST") return answer(405);
  let body;
  try {
    body = await readBody(request);
  } catch {
    return response.destroy();
  }
  let event;
  try {
    event = webhook.verify(body, request.headers);
  } catch (error) {
    console.log(`refused: ${error.message}`);
    return answer(401);
  }
  const id = request.headers["webhook-id"];
  try {
    if (handled.has(id)) {
      // Delivery is at least once: the same id is the same event.
      console.log(`duplicate ${id}`);
    } else {
      handle(event);
      handled.add(id);
    }
  } catch (error) {
    // Not 2xx: it comes again later.
    console.error(error);
    return answer(500);
  }
  // 2xx says that the event is safe here. Answer it after the change is durable, not before.
  answer(204);
});

server.listen(Number(process.env.PORT ?? 3000), process.env.HOST ?? "127.0.0.1", () => {
  const { address, port } = server.address();
  console.log(`listening on http://${address}:${port}/`);
});
