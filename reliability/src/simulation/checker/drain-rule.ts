/**
 * Once nothing goes wrong any more, everything drains: the queue, the hands, the troubles, the timers. And
 * whatever user code did, nothing of it escaped.
 */
import { capacity } from "./inference.ts";
import type { Rule } from "./rule.ts";

const maxReceive = 10;
/** Below it a poll may rest between two answers that came back empty. */
const longPollSeconds = 5;

export function drainRule(): Rule {
  return {
    see: (entry, ledger, report) => {
      switch (entry.type) {
        case "escaped":
          report("contained", `something escaped: ${entry.error}`);
          break;
        case "startFailed":
          if (ledger.nowMs > ledger.faultsEndedMs + 60_000 && !entry.error.includes("Stopped")) {
            report("contained", `start() failed without a fault: ${entry.error}`);
          }
          break;
        case "idle": {
          const { number, facts, lastPoll, hand, phase } = ledger.consumer(entry.consumer);
          const complain = (text: string): void => report("drains", `consumer ${number} ${text}`);
          if (phase !== "running") complain(`is ${phase}`);
          if (entry.status !== "healthy") complain(`is ${entry.status}: ${entry.reason}`);
          if (entry.inHand > 0) complain(`has ${entry.inHand} deliveries in hand`);
          const left = [...hand].filter((delivery) => ledger.isHeld(delivery)).length;
          if (left > 0) complain(`holds ${left} deliveries by the log`);
          if (facts.waitSeconds >= longPollSeconds && entry.openPolls !== 1) {
            complain(`has ${entry.openPolls} polls open while idle`);
          }
          const waits = lastPoll?.request.waitSeconds ?? 0;
          if (waits !== facts.waitSeconds) {
            complain(`polls for ${waits} s while idle, not ${facts.waitSeconds}`);
          }
          const most = Math.min(maxReceive, capacity(facts));
          const wanted = lastPoll?.request.wanted ?? 0;
          if (wanted !== most)
            complain(`polls for ${wanted} while idle, not ${most}: permits are missing`);
          break;
        }
        case "ended":
          if (entry.undrained !== undefined) report("drains", `after an hour: ${entry.undrained}`);
          if (entry.timers > 0) report("stops clean", `${entry.timers} timers are left`);
          for (const { number, openStops } of ledger.consumers.values()) {
            const { phase } = ledger.consumer(number);
            if (openStops > 0 && phase !== "crashed") {
              report("stops clean", `stop() of consumer ${number} never resolved`);
            }
          }
          break;
        default:
      }
    },
  };
}
