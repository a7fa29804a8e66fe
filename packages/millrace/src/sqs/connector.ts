/**
 * Owns how a socket to SQS is opened, and its deadline, which runs on the clock that was passed in. It never
 * sends anything over it.
 */
import { connect as connectTcp, isIP } from "node:net";
import type { Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { buildConnector } from "undici";
import type { Clock } from "../clock.ts";

/** Idle sockets are probed after this, so that one whose other end is gone is noticed. */
const keepAliveProbeMs = 60_000;

/** A connector for undici: TCP or TLS, given up after `timeoutMs`. */
export function connector(clock: Clock, timeoutMs: number): buildConnector.connector {
  /** The last TLS session, by server name: the next connection resumes it and saves a round trip. */
  const sessions = new Map<string, Buffer>();

  return (target, callback) => {
    const secure = target.protocol === "https:";
    const host = target.hostname;
    const socket = secure
      ? openTls(host, Number(target.port || 443), sessions)
      : connectTcp({ host, port: Number(target.port || 80) });
    socket.setNoDelay(true);
    socket.setKeepAlive(true, keepAliveProbeMs);

    const opened = secure ? "secureConnect" : "connect";
    const timer = clock.setTimer(() => {
      const error = new Error(`no connection within ${timeoutMs} ms`);
      socket.destroy(Object.assign(error, { code: "ETIMEDOUT" }));
    }, timeoutMs);
    const onOpened = (): void => {
      timer.cancel();
      socket.off("error", onError);
      callback(null, socket);
    };
    const onError = (error: Error): void => {
      timer.cancel();
      socket.off(opened, onOpened);
      callback(error, null);
    };
    socket.once(opened, onOpened);
    socket.once("error", onError);
  };
}

function openTls(host: string, port: number, sessions: Map<string, Buffer>): Socket {
  const session = sessions.get(host);
  const socket = connectTls({
    host,
    port,
    ALPNProtocols: ["http/1.1"],
    ...(isIP(host) === 0 && { servername: host }),
    ...(session !== undefined && { session }),
  });
  socket.on("session", (ticket) => {
    sessions.set(host, ticket);
  });
  return socket;
}
