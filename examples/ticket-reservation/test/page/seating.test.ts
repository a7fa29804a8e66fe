import { beforeEach, describe, expect, it } from "vitest";
import { Seating } from "../../page/src/seating.ts";
import type { Reservation } from "../../page/src/seating.ts";

const hall = { id: "friday", name: "Friday", seats: 4, seatsPerRow: 2 };

let decisions: string[];
let seating: Seating;
beforeEach(() => {
  decisions = [];
  seating = new Seating({
    customer: "me",
    crowd: "crowd",
    onDecision: ({ seat, state }) => decisions.push(`${seat} ${state}`),
  });
});

/** A request of mine, unless another customer is named. */
function request(id: string, seat: string, state: Reservation["state"], customer = "me") {
  return { id, seat, customer, state, ...(state === "refused" && { reason: "too late" }) };
}

function states(): string {
  return ["A1", "A2", "B1", "B2"].map((seat) => seating.stateOf(seat)).join(" ");
}

describe("what a seat shows", () => {
  it("goes from free over pending to mine", () => {
    seating.replace({ ...hall, taken: [], reservations: [] });
    expect(states()).toBe("free free free free");
    seating.asking("A1");
    expect(states()).toBe("pending free free free");
    seating.asked("A1", "1");
    expect(states()).toBe("pending free free free");
    expect(seating.tally).toEqual({ free: 4, taken: 0, mine: 0, pending: 1 });
    seating.apply({ taken: ["A1"], reservations: [request("1", "A1", "confirmed")] });
    expect(states()).toBe("mine free free free");
    expect(seating.tally).toEqual({ free: 3, taken: 0, mine: 1, pending: 0 });
    expect(decisions).toEqual(["A1 confirmed"]);
  });

  it("is what was known before, when the request has failed", () => {
    seating.replace({ ...hall, taken: ["A2"], reservations: [] });
    for (const seat of ["A1", "A2"]) {
      seating.asking(seat);
      seating.asked(seat, undefined);
    }
    expect(states()).toBe("free taken free free");
  });

  it("is right when the decision comes before the answer to its request", () => {
    seating.replace({ ...hall, taken: [], reservations: [] });
    seating.asking("A1");
    seating.apply({ taken: ["A1"], reservations: [request("1", "A1", "confirmed")] });
    seating.asked("A1", "1");
    expect(states()).toBe("mine free free free");
    expect(decisions).toEqual(["A1 confirmed"]);
  });

  it("stays mine when the same seat is asked for again, and refused", () => {
    seating.replace({ ...hall, taken: ["A1"], reservations: [request("1", "A1", "confirmed")] });
    seating.apply({ taken: [], reservations: [request("2", "A1", "refused")] });
    expect(states()).toBe("mine free free free");
  });

  it("is taken for the crowd's seats, and says what became of its requests", () => {
    seating.replace({ ...hall, taken: [], reservations: [] });
    const reservations = [request("1", "B1", "confirmed", "crowd")];
    seating.apply({ taken: ["B1"], reservations });
    expect(states()).toBe("free free taken free");
    expect(seating.crowdState("1")).toBe("confirmed");
    expect(seating.crowdState("2")).toBeUndefined();
    expect(decisions).toEqual([]);
  });
});

describe("a snapshot", () => {
  it("replaces all that was known, and what it tells first is no news", () => {
    const reservations = [request("1", "A1", "confirmed"), request("2", "A2", "refused")];
    seating.replace({ ...hall, taken: ["A1", "A2"], reservations });
    expect(states()).toBe("mine refused free free");
    expect(decisions).toEqual([]);
    // Another database: nothing of what was is left.
    seating.replace({ ...hall, taken: ["B2"], reservations: [] });
    expect(states()).toBe("free free free taken");
    expect(seating.requests).toEqual([]);
  });

  it("tells as news what was decided in the gap", () => {
    seating.replace({ ...hall, taken: [], reservations: [] });
    seating.asking("A1");
    seating.asked("A1", "1");
    seating.replace({ ...hall, taken: ["A1"], reservations: [request("1", "A1", "refused")] });
    seating.replace({ ...hall, taken: ["A1"], reservations: [request("1", "A1", "refused")] });
    expect(states()).toBe("refused free free free");
    expect(decisions).toEqual(["A1 refused"]);
  });

  it("takes no decision back when it is older than one", () => {
    seating.replace({ ...hall, taken: [], reservations: [] });
    seating.learn(request("1", "A1", "confirmed"));
    seating.replace({ ...hall, taken: [], reservations: [request("1", "A1", "pending")] });
    expect(seating.stateOf("A1")).toBe("mine");
  });

  it("names requests that it does not know, which are kept until they are looked up", () => {
    seating.replace({ ...hall, taken: [], reservations: [] });
    for (const [seat, id] of [
      ["A1", "1"],
      ["A2", "2"],
    ] as const) {
      seating.asking(seat);
      seating.asked(seat, id);
    }
    expect(seating.replace({ ...hall, taken: [], reservations: [] })).toEqual(["1", "2"]);
    expect(states()).toBe("pending pending free free");
    seating.forget("1");
    seating.learn(request("2", "A2", "confirmed"));
    expect(states()).toBe("free mine free free");
    expect(seating.tally).toEqual({ free: 3, taken: 0, mine: 1, pending: 0 });
  });
});
