/**
 * Owns how the parts of the page work together: what is heard goes to the seating, and from there to the
 * document, once a frame. It never knows how any of them does its part.
 */
import type { OfficeEvent } from "#server/office/events.ts";
import { keptCustomer, newName } from "./customer.ts";
import { elementOf, newElement } from "./element.ts";
import { formatNumber, formatTime } from "./format.ts";
import { rowsOf } from "./hall.ts";
import type { Seat } from "./hall.ts";
import { LiveStream } from "./live-stream.ts";
import type { StreamState } from "./live-stream.ts";
import { Notice } from "./notice.ts";
import { askFor, findReservation, listEvents, NotTakenError } from "./office.ts";
import { RushPanel } from "./rush-panel.ts";
import { Rush } from "./rush.ts";
import { Requests } from "./requests.ts";
import { Seating } from "./seating.ts";
import type { Reservation } from "./seating.ts";
import { SeatMap } from "./seat-map.ts";
import { Zoom } from "./zoom.ts";

const buyers = 1_000;
/** Between two tries to learn which events there are. */
const retryMs = 2_000;

const notice = new Notice(elementOf("notice", HTMLElement));
const connection = elementOf("connection", HTMLElement);
const customer = keptCustomer();
elementOf("customer", HTMLElement).textContent = customer;

/** The event of the page's address, or the first there is. */
async function chosenEvent(): Promise<OfficeEvent | undefined> {
  for (;;) {
    try {
      const events = await listEvents();
      const id = new URLSearchParams(location.search).get("event") ?? events[0]?.id;
      elementOf("events", HTMLElement).replaceChildren(
        ...events.map((event) => {
          const current = event.id === id ? "page" : undefined;
          const href = `?event=${encodeURIComponent(event.id)}`;
          return newElement("a", { href, "aria-current": current }, event.name);
        }),
      );
      document
        .querySelector("nav [aria-current]")
        ?.scrollIntoView({ block: "nearest", inline: "center" });
      return events.find((event) => event.id === id);
    } catch (error) {
      showConnection("lost");
      notice.say(`The events could not be loaded: ${reasonOf(error)}. Trying again.`, "bad");
      await new Promise((resolve) => setTimeout(resolve, retryMs));
    }
  }
}

/** What the connection is like; when it is lost, since when the map may be out of date. */
function showConnection(state: StreamState): void {
  connection.dataset["state"] = state;
  document.body.dataset["connection"] = state;
  const texts = {
    connecting: "Connecting…",
    live: "Live",
    lost: `Connection lost at ${formatTime(new Date())}`,
  };
  connection.textContent = texts[state];
}

function showEvent(event: OfficeEvent): void {
  const crowd = newName("crowd");
  const seating = new Seating({ customer, crowd, onDecision: tell });
  const map = new SeatMap({
    root: elementOf("seats", HTMLElement),
    caption: elementOf("caption", HTMLElement),
    stateOf: (seat) => seating.stateOf(seat),
    onChosen: (seat) => void choose(seat),
  });
  const zoom = new Zoom({
    hall: elementOf("hall", HTMLElement),
    button: elementOf("zoom", HTMLButtonElement),
    onLed: () => notice.say("Zoomed in: choose again."),
  });
  const requests = new Requests(elementOf("requests", HTMLElement));
  const rush = new Rush({
    buyers,
    ask: (seat) => askFor({ event: event.id, seat, customer: crowd }),
    onProgress: () => {
      panel.observe();
      refreshSoon();
    },
  });
  const panel = new RushPanel({ rush, buyers, seating, notice, onStart: () => void sendRush() });
  let rows: readonly (readonly Seat[])[] = [];
  let state: StreamState = "connecting";
  /** Whether a rush is about to begin, or asks. */
  let sending = false;
  /** Set while a frame is asked for. */
  let refreshing = false;

  const stream = new LiveStream({
    url: `/events/${event.id}/stream?customers=${customer},${crowd}`,
    onSnapshot: (news) => {
      const missing = seating.replace(news);
      panel.observe();
      const sold = news.seats === news.taken.length;
      if (rows.flat().length !== news.seats || rows[0]?.length !== news.seatsPerRow) {
        rows = rowsOf(news);
        map.build(rows);
        zoom.showMiddle();
      }
      if (sold && state === "connecting") notice.say(`${news.name} is sold out.`);
      refreshSoon();
      for (const id of missing) void lookUp(id);
    },
    onChanges: (news) => {
      seating.apply(news);
      panel.observe();
      refreshSoon();
    },
    onState: (next) => {
      if (next === "lost") {
        notice.say("The connection is lost: the map may be out of date. Trying again.", "bad");
      } else if (next === "live" && state === "lost") {
        notice.say("Connected again: the map is up to date.", "good");
      }
      state = next;
      showConnection(next);
      refreshSoon();
    },
  });

  function refreshSoon(): void {
    if (refreshing) return;
    refreshing = true;
    requestAnimationFrame(() => {
      refreshing = false;
      refresh();
    });
  }

  function refresh(): void {
    map.refresh();
    requests.refresh(seating.requests);
    const { tally } = seating;
    for (const [name, count] of Object.entries(tally)) {
      elementOf(`count-${name}`, HTMLElement).textContent =
        state === "connecting" ? "–" : formatNumber(count);
    }
    document.body.dataset["soldOut"] = String(state !== "connecting" && tally.free === 0);
    panel.refresh(state === "live" ? tally.free : undefined);
  }

  async function choose(seat: string): Promise<void> {
    const known = seating.stateOf(seat);
    if (known === "mine" || known === "pending") {
      notice.say(known === "mine" ? `${seat} is yours already.` : `${seat} is not decided yet.`);
      return;
    }
    seating.asking(seat);
    refreshSoon();
    try {
      seating.asked(seat, await askFor({ event: event.id, seat, customer }));
    } catch (error) {
      seating.asked(seat, undefined);
      notice.say(`${seat} could not be asked for: ${reasonOf(error)}.`, "bad");
    }
    refreshSoon();
  }

  function tell({ seat, state: decision, reason = "no reason was given" }: Reservation): void {
    if (decision === "confirmed") notice.say(`${seat} is yours.`, "good");
    else notice.say(`${seat} was refused: ${reason}.`, "bad");
  }

  /** A request that the server has taken, and that its snapshot does not tell of. */
  async function lookUp(id: string): Promise<void> {
    try {
      const reservation = await findReservation(id);
      if (reservation === undefined) seating.forget(id);
      else seating.learn(reservation);
      refreshSoon();
    } catch {
      // The next snapshot asks again.
    }
  }

  async function sendRush(): Promise<void> {
    if (sending || rush.running) return;
    sending = true;
    try {
      const seats = rows
        .flat()
        .filter(({ name }) => seating.stateOf(name) === "free")
        .toSorted((one, other) => one.distance - other.distance)
        .map(({ name }) => name);
      zoom.showAll();
      // Another tab of this browser may have one running.
      const alone = await onlyOne("rush", () => rush.start(seats));
      if (!alone) notice.say("A rush is running in another window.", "bad");
    } finally {
      sending = false;
    }
  }

  document.title = `${event.name} · Ticket office`;
  elementOf("title", HTMLElement).textContent = event.name;
  stream.open();
  // A tab that nobody sees holds one of the browser's few connections, and shows nothing.
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) stream.open();
    else if (!rush.running) stream.close();
  });
  window.addEventListener("online", () => stream.open());
}

/**
 * Runs `work` unless it is running under this name, in any tab; where pages know nothing of one another, in any case.
 *
 * @returns whether it ran.
 */
async function onlyOne(name: string, work: () => Promise<void>): Promise<boolean> {
  // By plain http there are none, but from this machine itself.
  if (!("locks" in navigator)) {
    await work();
    return true;
  }
  return navigator.locks.request(name, { ifAvailable: true }, async (lock) => {
    if (lock !== null) await work();
    return lock !== null;
  });
}

function reasonOf(error: unknown): string {
  if (error instanceof NotTakenError) return error.message;
  throw error;
}

const event = await chosenEvent();
if (event === undefined) {
  elementOf("title", HTMLElement).textContent = "There is no such event";
  connection.hidden = true;
  document.body.dataset["connection"] = "none";
} else {
  showEvent(event);
}
