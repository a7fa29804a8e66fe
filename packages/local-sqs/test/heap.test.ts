import { expect, it } from "vitest";
import { seededRandom } from "millrace/testing";
import { Heap, HeapNode } from "../src/heap.ts";
import { numbered } from "./semantics/driver.ts";

/** Empties the heap. */
function drain(heap: Heap<string>): string[] {
  const items: string[] = [];
  for (let { first } = heap; first !== undefined; { first } = heap) {
    items.push(first.item);
    heap.remove(first);
  }
  return items;
}

it("gives out by key, and in the order of setting where keys are the same", () => {
  const heap = new Heap<string>();
  for (const [item, key] of [
    ["b", 2],
    ["a", 1],
    ["c", 2],
    ["d", 2],
  ] as const) {
    heap.set(new HeapNode(item), key);
  }
  expect(drain(heap)).toEqual(["a", "b", "c", "d"]);
});

it("keeps its order whatever is set anew and taken out of its middle", () => {
  for (let seed = 1; seed <= 50; seed += 1) {
    const random = seededRandom(seed);
    const heap = new Heap<string>();
    const nodes = numbered(200).map((name) => new HeapNode(name));
    const expected = new Map<HeapNode<string>, number>();
    for (let step = 0; step < 1000; step += 1) {
      const node = nodes[Math.floor(random() * nodes.length)];
      if (node === undefined) continue;
      expected.delete(node);
      if (random() < 0.3) {
        heap.remove(node);
      } else {
        const key = Math.floor(random() * 50);
        heap.set(node, key);
        // A map remembers the order of setting, and the sort below is stable.
        expected.set(node, key);
      }
    }
    expect(heap.size).toBe(expected.size);
    const order = [...expected].toSorted(([, a], [, b]) => a - b).map(([{ item }]) => item);
    expect(drain(heap), `seed ${seed}`).toEqual(order);
  }
});

it("takes a node out twice without harm, and can be cleared", () => {
  const heap = new Heap<string>();
  const node = new HeapNode("a");
  heap.set(node, 1);
  heap.remove(node);
  heap.remove(node);
  expect(heap.first).toBeUndefined();
  heap.set(node, 1);
  heap.clear();
  expect(heap.size).toBe(0);
  heap.set(node, 2);
  expect(heap.first).toBe(node);
});
