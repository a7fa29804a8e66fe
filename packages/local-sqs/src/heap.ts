/**
 * Owns order by a number: what is due first comes out first, what is due at the same time in the order
 * in which that was said, and anything can be taken out in between. It never looks at what it orders.
 */

/** The place of one item in a {@link Heap}. Kept by who wants to take the item out before it is first. */
export class HeapNode<T> {
  readonly item: T;
  /** What the heap orders by. Written by the heap. */
  key = 0;
  /** What it orders by where keys are the same: whose key was set first. Written by the heap. */
  turn = 0;
  /** Index in the heap's array, -1 while in none. Written by the heap. */
  position = -1;

  constructor(item: T) {
    this.item = item;
  }
}

/**
 * A binary heap whose nodes know their position, so that {@link remove} and {@link change} need no
 * search. Adding what comes last, as deadlines mostly do, costs one comparison; the rest is O(log n).
 */
export class Heap<T> {
  readonly #nodes: HeapNode<T>[] = [];
  /** How often a key was set; written by {@link set}. */
  #turns = 0;

  get size(): number {
    return this.#nodes.length;
  }

  /** The node with the lowest key. */
  get first(): HeapNode<T> | undefined {
    return this.#nodes[0];
  }

  /** Puts a node in, or moves it if it is in already. */
  set(node: HeapNode<T>, key: number): void {
    const previous = node.key;
    node.key = key;
    this.#turns += 1;
    node.turn = this.#turns;
    if (node.position < 0) {
      this.#nodes.push(node);
      this.#up(node, this.#nodes.length - 1);
    } else if (key < previous) {
      this.#up(node, node.position);
    } else {
      this.#down(node, node.position);
    }
  }

  /** Takes a node out; nothing happens if it is in no heap. */
  remove(node: HeapNode<T>): void {
    const { position } = node;
    if (position < 0) return;
    node.position = -1;
    const last = this.#nodes.pop();
    if (last === undefined || last === node) return;
    if (before(last, node)) this.#up(last, position);
    else this.#down(last, position);
  }

  clear(): void {
    for (const node of this.#nodes) node.position = -1;
    this.#nodes.length = 0;
  }

  #up(node: HeapNode<T>, from: number): void {
    const nodes = this.#nodes;
    let position = from;
    while (position > 0) {
      const parentPosition = (position - 1) >> 1;
      const parent = nodes[parentPosition];
      if (parent === undefined || before(parent, node)) break;
      nodes[position] = parent;
      parent.position = position;
      position = parentPosition;
    }
    nodes[position] = node;
    node.position = position;
  }

  #down(node: HeapNode<T>, from: number): void {
    const nodes = this.#nodes;
    let position = from;
    for (;;) {
      const left = nodes[2 * position + 1];
      if (left === undefined) break;
      const right = nodes[2 * position + 2];
      const child = right !== undefined && before(right, left) ? right : left;
      if (before(node, child)) break;
      const childPosition = child.position;
      nodes[position] = child;
      child.position = position;
      position = childPosition;
    }
    nodes[position] = node;
    node.position = position;
  }
}

function before<T>(a: HeapNode<T>, b: HeapNode<T>): boolean {
  return a.key < b.key || (a.key === b.key && a.turn < b.turn);
}
