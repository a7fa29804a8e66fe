/**
 * Owns case 6: what happens to the cost of a message when there are more of them, more workers, or more queues.
 * It never measures in a process that has not warmed up.
 */
import type { Task } from "../bench.ts";
import type { PeerName } from "../peers/catalogue.ts";
import type { Point } from "../results.ts";
import type { Case, Job, Pace } from "./case.ts";
import { measured } from "./figures.ts";

const peers: readonly PeerName[] = ["millrace", "sqs-consumer"];

/** The ends of millrace's curve, which its targets are about. */
export const fewestMessages = 1_000;
export const mostMessages = 1_000_000;

/** Messages of millrace. */
const ownWarmUp = 50_000;

export const growth: Case = {
  title: "Growth",
  how: "As case 1, but with one thing growing: messages that one process has handled since its warm-up (the mean CPU time of all of them; the warm-up is 50,000 messages of millrace and 3,000 of sqs-consumer, which take about the same CPU time), workers (handlers at once, on one queue), or queues (consumers in one process, ten handlers each). Heap in use is what is left after a collection. Only two peers are here: the question is what grows, which is the consumer's own doing, and case 1 says what another client adds to it.",
  metrics: ["cpuUs", "heapMb", "peakRssMb"],
  jobs: (pace) => [
    ...peers.map((peer) => messages(peer, pace)),
    ...(pace.quick ? [] : [million(pace)]),
    ...steps("workers", pace.quick ? [1, 500] : [1, 10, 50, 200, 500], pace, (value) => ({
      slots: value,
    })),
    ...steps("queues", pace.quick ? [1, 50] : [1, 10, 50], pace, (value) => ({
      queues: value,
      slots: 10,
    })),
  ],
};

/** What others handle in half a minute is enough to see their curve. */
function messages(peer: PeerName, { quick, hurry }: Pace): Job {
  const own = peer === "millrace";
  const marks = own ? [fewestMessages, 10_000, 100_000] : [fewestMessages, 10_000];
  const warmUp = Math.ceil((own ? ownWarmUp : 3_000) / hurry);
  const numbers = quick ? marks.slice(0, own ? 2 : 1) : marks;
  return {
    peers: [peer],
    seconds: quick ? 5 : own ? 9 : 13,
    firstRounds: 2,
    run: (bench) =>
      upTo(
        bench,
        peer,
        warmUp,
        numbers.map((number) => Math.ceil(number / hurry)),
      ),
  };
}

function million({ hurry }: Pace): Job {
  const [warmUp, most] = [Math.ceil(ownWarmUp / hurry), Math.ceil(mostMessages / hurry)];
  return {
    peers: ["millrace"],
    seconds: 35,
    firstRounds: 1,
    run: (bench) => upTo(bench, "millrace", warmUp, [most]),
  };
}

async function upTo(
  bench: Parameters<Job["run"]>[0],
  peer: PeerName,
  warmUp: number,
  numbers: readonly number[],
): ReturnType<Job["run"]> {
  const observations = await bench.observe({
    peer,
    warmUp: { messages: warmUp },
    measure: numbers.map((number) => ({ messages: number })),
    heap: true,
  });
  return observations.map((observation, index) =>
    measured(peer, observation, {}, { axis: "messages", value: numbers[index] ?? Number.NaN }),
  );
}

function steps(
  axis: Point["axis"],
  values: readonly number[],
  { quick, hurry }: Pace,
  taskAt: (value: number) => Partial<Task>,
): Job[] {
  const warmUp = { cpuMs: (quick ? 700 : 1_200) / hurry };
  const measure = { cpuMs: (quick ? 600 : 1_500) / hurry };
  return values.flatMap((value) =>
    peers.map((peer) => ({
      peers: [peer],
      seconds: 0.5 + (warmUp.cpuMs + measure.cpuMs) / 1_000,
      firstRounds: peer === "millrace" ? 2 : 1,
      run: async (bench) => {
        const task = { peer, warmUp, measure, heap: true, ...taskAt(value) };
        const observations = await bench.observe(task);
        return observations.map((observation) => measured(peer, observation, {}, { axis, value }));
      },
    })),
  );
}
