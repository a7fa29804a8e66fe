/**
 * Owns case 3: how soon a message is handled when few come, and what it costs to wait for them. It never loads
 * the machine.
 */
import type { PeerName } from "../peers/catalogue.ts";
import type { Case, Job, Pace } from "./case.ts";
import { measured } from "./figures.ts";

const perSecond = 20;
/** Handled before: a service that runs for days is no process that has just been started. */
const warmUpMessages = 1_500;
/** Those whose latency counts, of a round. The 99th percentile is the fourth-slowest, or so. */
const measuredMessages = 400;
const measuredMessagesQuick = 40;
const secondsPerHour = 3_600;

const peers: readonly PeerName[] = [
  "millrace",
  "millrace-sdk",
  "sqs-consumer",
  "squiss-ts",
  "sdk-loop",
  "undici-loop",
];

export const trickle: Case = {
  title: "Trickle",
  how: `Twenty messages a second at random moments (Poisson, the same for all peers, and from the moment on at which the last of 1,500 messages is handed out that were there at once): the time from the endpoint's send to the start of the handler, on one clock, of ${measuredMessages} messages a round, so that the 99th percentile of a round is its fourth-slowest or fifth-slowest. And an empty queue: requests an hour, and long polls open at a time, all peers side by side since none of them does anything. Those that take ten messages at a time are five here too, as the fifty handlers are theirs. Peers that hand over batches are left out: where one message comes at a time, they do the same as those of their kind that are here.`,
  metrics: ["p50Ms", "p99Ms", "idleRequests", "idlePolls"],
  jobs: (pace) => [...peers.map((peer) => latency(peer, pace)), idle(pace)],
};

function latency(peer: PeerName, { quick, hurry }: Pace): Job {
  const ready = Math.ceil(warmUpMessages / hurry);
  const messages = Math.ceil((quick ? measuredMessagesQuick : measuredMessages) / hurry);
  return {
    peers: [peer],
    seconds: 1.5 + messages / perSecond,
    run: async (bench) => {
      const observations = await bench.observe({
        peer,
        queue: { messages: { perSecond, ready } },
        work: { kind: "latency", first: ready + 1, last: ready + messages },
        warmUp: { messages: ready },
        measure: { messages },
      });
      return observations.map((observation) => {
        const { p50Ms = Number.NaN, p99Ms = Number.NaN } = observation.peer.work;
        return measured(peer, observation, { p50Ms, p99Ms });
      });
    },
  };
}

/** Long polls last 20 s, so a window holds a whole number of them. */
function idle({ quick, hurry }: Pace): Job {
  const windowMs = (quick ? 20_000 : 40_000) / hurry;
  return {
    peers,
    seconds: windowMs / 1_000 + 3,
    // Nothing here is random: once is enough.
    firstRounds: 1,
    run: async (bench, wanted) => {
      const tasks = wanted.map((peer) => ({ peer, queue: { messages: "none" } as const }));
      const works = await bench.observeTogether(tasks, 1_000, windowMs);
      return wanted.flatMap((peer, index) => {
        const work = works[index];
        if (work === undefined) return [];
        const idleRequests = (work.requests * secondsPerHour * 1_000) / work.tookMs;
        const metrics = { idleRequests, idlePolls: work.openPolls };
        return [{ peer, metrics, endpointShare: work.cpuShare }];
      });
    },
  };
}
