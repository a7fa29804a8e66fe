/** Owns an output that keeps what is written to it. */

export class Output {
  readonly isTTY: boolean;
  readonly columns = 60;
  text = "";

  constructor({ isTTY = false }: { readonly isTTY?: boolean } = {}) {
    this.isTTY = isTTY;
  }

  write(text: string): boolean {
    this.text += text;
    return true;
  }

  /** The lines, without their time. */
  get lines(): string[] {
    return this.text
      .trimEnd()
      .split("\n")
      .map((line) => line.replace(/^[\d:.]+ {2}/, ""));
  }
}
