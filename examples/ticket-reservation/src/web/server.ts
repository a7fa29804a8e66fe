/**
 * Owns the web server as a whole: its limits, its headers, and which part answers what. It never listens; the
 * web program has it do so.
 */
import { fileURLToPath } from "node:url";
import helmet from "@fastify/helmet";
import files from "@fastify/static";
import swagger from "@fastify/swagger";
import fastify from "fastify";
import type { FastifyInstance } from "fastify";
import type { Pool } from "pg";
import { answer, problemAnswer, unhealthyAnswer } from "./answers.ts";
import type { ChangeFeed } from "./change-feed.ts";
import { ClientConnections } from "./client-connections.ts";
import { eventRoutes } from "./event-routes.ts";
import { answerWithProblems, refuseExpectation, refuseNoRequest, sendProblem } from "./problem.ts";
import { reservationRoutes } from "./reservation-routes.ts";
import { schemas } from "./shapes.ts";
import type { Health } from "./shapes.ts";

export interface ServerOptions {
  readonly pool: Pool;
  readonly feed: ChangeFeed;
  /** The workers' queue. */
  readonly queue: string;
  /** Called for each request that failed for a reason of ours. */
  readonly onFault: (error: Error) => void;
  /** How long a request may take to arrive, and to be answered once the server is to close. Default 10,000. */
  readonly requestTimeoutMs?: number | undefined;
}

const bodyBytes = 16 * 1_024;

/** Scripts that run in the browser are built; the rest is served as it is written. */
const pageFolders = ["../../page/public/", "../page/"].map((path) =>
  fileURLToPath(new URL(path, import.meta.url)),
);

export async function buildServer(options: ServerOptions): Promise<FastifyInstance> {
  const { requestTimeoutMs = 10_000 } = options;
  const app = fastify({
    bodyLimit: bodyBytes,
    requestTimeout: requestTimeoutMs,
    http: {
      // Node takes the longer of the two for the whole request, and looks every half minute.
      headersTimeout: requestTimeoutMs,
      connectionsCheckingInterval: Math.min(1_000, requestTimeoutMs),
      // It would answer without a word, and not by a problem.
      requireHostHeader: false,
    },
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, allErrors: true } },
    frameworkErrors: (error, _, reply) => sendProblem(error, reply),
    clientErrorHandler: (error, socket) => refuseNoRequest(error, socket, connections),
    // What still comes on a connection that is open is answered like the rest: all that it needs is there until then.
    return503OnClosing: false,
  });
  const connections = new ClientConnections(app.server);
  app.server.on("checkExpectation", (_, response) => refuseExpectation(response));
  // What any page can have a browser send without asking; so only JSON is taken.
  app.removeContentTypeParser("text/plain");
  answerWithProblems(app, options.onFault);
  letGoAtClose(app, connections, requestTimeoutMs);
  await app.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        imgSrc: ["'self'"],
        connectSrc: ["'self'"],
        baseUri: ["'none'"],
        formAction: ["'none'"],
        frameAncestors: ["'none'"],
      },
    },
    // Whether it is reached by https is for what stands before it to know.
    strictTransportSecurity: false,
  });
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: { title: "Ticket office", version: "1.0.0" },
    },
  });
  await app.register((routes, _, done) => {
    reservationRoutes(routes, options);
    eventRoutes(routes, options);
    healthRoute(routes, options);
    done();
  });
  await app.register(files, {
    root: pageFolders,
    allowedPath: (path) => /\.(?:html|css|js|svg|map)$|^\/$/.test(path),
    // Kept by the browser, and asked for by ETag each time: page and server are always of one version.
    cacheControl: false,
    setHeaders: (response) => void response.setHeader("cache-control", "no-cache"),
  });
  app.get("/openapi.json", { schema: { hide: true } }, () => app.swagger());
  return app;
}

/** Closing waits for connections; one whose request was under way would be kept for the next, for over a minute. */
function letGoAtClose(
  app: FastifyInstance,
  connections: ClientConnections,
  withinMs: number,
): void {
  app.addHook("preClose", (done) => {
    connections.letGo(withinMs);
    done();
  });
  app.addHook("onSend", (_, reply, __, done) => {
    if (connections.closing) void reply.header("connection", "close");
    done();
  });
  app.addHook("onClose", (_, done) => {
    connections.forget();
    done();
  });
}

function healthRoute(app: FastifyInstance, { pool, feed }: ServerOptions): void {
  app.get(
    "/health",
    {
      schema: {
        summary: "For load balancers: whether the server can do what it is for",
        response: {
          200: answer("It can", schemas.health),
          503: unhealthyAnswer,
          default: problemAnswer,
        },
      },
    },
    async (_, reply) => {
      await pool.query("SELECT");
      const health: Health = { status: feed.listening ? "healthy" : "degraded" };
      return reply.status(feed.listening ? 200 : 503).send(health);
    },
  );
}
