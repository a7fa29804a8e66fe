/**
 * Owns how a run reads: a line an entry, aligned, with what was asked, what SQS did and what handlers did.
 * It never decides what a run means.
 */
import type { Entry, HandedOut, TakenIn } from "./log.ts";
import type { Violation } from "./checker/rule.ts";
import type { Scenario } from "./scenario.ts";

/** A line, in columns, of an entry. */
export interface TraceLine {
  readonly time: string;
  readonly who: string;
  readonly what: string;
  readonly detail: string;
  /** How it is meant: what went wrong on purpose, and what must not be. */
  readonly tone: "plain" | "quiet" | "fault" | "bad";
}

/** The run, line by line; a violation follows the entry at which it was seen. */
export function trace(entries: readonly Entry[], violations: readonly Violation[]): TraceLine[] {
  const who = new Map<number, string>();
  const runs = new Map<number, { readonly who: string; readonly delivery: number }>();

  const lines: TraceLine[] = [];
  for (const [index, entry] of entries.entries()) {
    if (entry.type === "request") who.set(entry.call, nameOf(entry.who));
    if (entry.type === "handlerStarted") {
      runs.set(entry.run, { who: nameOf(entry.consumer), delivery: entry.delivery });
    }
    lines.push({ time: timeOf(entry.atMs), ...describe(entry, who, runs) });
    const found = violations.filter((violation) => violation.entry === index);
    for (const { promise, text, atMs } of found) {
      lines.push({
        time: timeOf(atMs),
        who: "checker",
        what: "BROKEN",
        detail: `${promise}: ${text}`,
        tone: "bad",
      });
    }
  }
  return lines;
}

/** The scenario, for the head of a trace. */
export function outline(scenario: Scenario): string[] {
  const { queue, jobs, consumers, actions, faults, temper, latencyMs, roughMs } = scenario;
  const lanes = new Set(jobs.map(({ lane }) => lane)).size;
  const lines = [
    `queue      ${plain(queue)}`,
    `messages   ${jobs.length} in ${lanes} lanes, latency ${latencyMs.join(" to ")} ms, faults for ${roughMs} ms`,
    `handlers   ${plain(temper)}`,
    `wire       rate ${faults.rate}, strands ${faults.strandRate}`,
    ...faults.storms.map((storm) => `storm      ${plain(storm)}`),
    ...consumers.map((consumer) => `consumer   ${plain(consumer)}`),
    ...actions.map(
      ({ atMs, consumer, what }) => `action     ${timeOf(atMs)} C${consumer} ${plain(what)}`,
    ),
  ];
  return lines;
}

function plain(value: object): string {
  return Object.entries(value)
    .filter(([, each]) => each !== undefined)
    .map(
      ([name, each]) => `${name}=${typeof each === "object" ? JSON.stringify(each) : String(each)}`,
    )
    .join(" ");
}

function describe(
  entry: Entry,
  callers: ReadonlyMap<number, string>,
  runs: ReadonlyMap<number, { readonly who: string; readonly delivery: number }>,
): Omit<TraceLine, "time"> {
  const line = (
    who: string,
    what: string,
    detail = "",
    tone: TraceLine["tone"] = "plain",
  ): Omit<TraceLine, "time"> => ({ who, what, detail, tone });
  switch (entry.type) {
    case "request": {
      const about = entry.about.map(({ delivery, seconds }) =>
        seconds === undefined ? `d${delivery}` : `d${delivery}→${seconds}s`,
      );
      const receive =
        entry.operation === "ReceiveMessage"
          ? ` ${entry.wanted} waiting ${entry.waitSeconds}s lease ${entry.visibilitySeconds}s ${entry.attempt ?? ""}`
          : "";
      const fault = entry.fault === undefined ? "" : `  ✗ ${entry.fault}`;
      const detail = `#${entry.call} ${entry.operation}${receive} ${about.join(" ")}${fault}`;
      return line(nameOf(entry.who), "→ asks", detail, fault === "" ? "plain" : "fault");
    }
    case "applied": {
      const done = entry.done.map(({ delivery }) => `d${delivery}`).join(" ");
      const refused = entry.refused.map(({ delivery }) => `d${delivery}`).join(" ");
      const detail = [
        done,
        refused === "" ? "" : `refused ${refused}`,
        entry.handedOut.map(messageOf).join(" "),
        entry.takenIn.map(storedOf).join(" "),
      ];
      return line(
        "SQS",
        "does",
        `#${entry.call} ${detail.filter((part) => part !== "").join("  ")}`,
        "quiet",
      );
    }
    case "answered": {
      const brought = entry.brought.map(messageOf).join(" ");
      const odd = entry.entries.filter((each) => each !== "done").length;
      const entries = odd === 0 ? "" : entry.entries.join(" ");
      const detail = `#${entry.call} ${entry.error ?? ""}${entry.late ? "late " : ""}${entries}${brought}`;
      const tone = entry.error === undefined && !entry.late ? "plain" : "fault";
      return line(callers.get(entry.call) ?? "?", "← gets", detail, tone);
    }
    case "aborted":
      return line(callers.get(entry.call) ?? "?", "gives up", `#${entry.call}`, "fault");
    case "handlerStarted":
      return line(
        nameOf(entry.consumer),
        "starts",
        `run ${entry.run} of d${entry.delivery}: ${entry.behaviour}${entry.batch === undefined ? "" : ` in batch ${entry.batch}`}`,
      );
    case "handlerAborted": {
      const run = runs.get(entry.run);
      return line(
        run?.who ?? "?",
        "aborts",
        `run ${entry.run} of d${run?.delivery}: ${entry.code}`,
        "fault",
      );
    }
    case "handlerEnded": {
      const run = runs.get(entry.run);
      const { end } = entry;
      const outcome = end.how === "returned" ? end.outcome : "";
      const seconds =
        end.how === "returned" && end.outcome === "retry" ? ` ${end.seconds ?? "?"}s` : "";
      return line(
        run?.who ?? "?",
        "ends",
        `run ${entry.run} of d${run?.delivery}: ${end.how} ${outcome}${seconds}`,
      );
    }
    case "faultsEnded":
      return line("", "faults end");
    case "made":
    case "startCalled":
    case "startResolved":
    case "startFailed":
    case "stopCalled":
    case "stopResolved":
    case "paused":
    case "resumed":
    case "crashed":
    case "blocked":
    case "idle": {
      const { type, atMs: _, consumer, ...rest } = entry;
      return line(nameOf(consumer), spaced(type), plain(rest));
    }
    default: {
      const { type, atMs: _, ...rest } = entry;
      return line("", spaced(type), plain(rest));
    }
  }
}

function messageOf({ delivery, job, lane, receiveCount }: HandedOut): string {
  return `d${delivery}(job ${job}${lane === undefined ? "" : ` ${lane}`}${receiveCount > 1 ? ` ×${receiveCount}` : ""})`;
}

function storedOf({ job, lane, copyOf }: TakenIn): string {
  if (copyOf !== undefined) return `copy of d${copyOf}`;
  return `job ${job}${lane === undefined ? "" : ` ${lane}`}`;
}

/** stopCalled: stop called. */
function spaced(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

function nameOf(who: number | "producer"): string {
  return typeof who === "number" ? `C${who}` : who;
}

function timeOf(atMs: number): string {
  return `${(atMs / 1_000).toFixed(3)}s`;
}
