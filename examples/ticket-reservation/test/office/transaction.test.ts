import { expect, it } from "vitest";
import { inTransaction } from "../../src/office/transaction.ts";
import { useOffice } from "../office.ts";

const office = useOffice();

it("commits what it did, and rolls back what threw", async () => {
  const pool = office.pool();
  const rename = (name: string, error?: Error): Promise<string> =>
    inTransaction(pool, async (tx) => {
      await tx.query("UPDATE tickets.events SET name = $1 WHERE id = 'gala'", [name]);
      if (error !== undefined) throw error;
      return name;
    });
  const names = (): Promise<object[]> =>
    office.rows("SELECT name FROM tickets.events WHERE id = 'gala'");
  expect(await rename("one")).toBe("one");
  await expect(rename("two", new Error("no"))).rejects.toThrow("no");
  expect(await names()).toEqual([{ name: "one" }]);
});

it("fails, and nothing else does, when the connection breaks between two statements", async () => {
  const pool = office.pool();
  const work = inTransaction(pool, async (tx) => {
    const { rows } = await tx.query<{ pid: number }>("SELECT pg_backend_pid() AS pid");
    // Not events.once, which listens for errors too.
    const ended = new Promise<void>((resolve) => tx.once("end", resolve));
    await office.rows("SELECT pg_terminate_backend($1)", rows[0]?.pid);
    await ended;
    await tx.query("SELECT");
  });
  await expect(work).rejects.toThrow(/connection/);
  await expect(inTransaction(pool, (tx) => tx.query("SELECT"))).resolves.toMatchObject({
    rowCount: 1,
  });
});
