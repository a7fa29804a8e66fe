import { expect, it, onTestFinished, vi } from "vitest";
import { contained, defaultLogger } from "../../src/consumer/logger.ts";

/** The warnings that the process would print. */
function warnings(): string[] {
  const texts: string[] = [];
  const spy = vi.spyOn(process, "emitWarning").mockImplementation((text) => {
    texts.push(String(text));
  });
  onTestFinished(() => spy.mockRestore());
  return texts;
}

it("by default says errors as warnings of the process, with what led to them", () => {
  const texts = warnings();
  const logger = contained(defaultLogger);
  logger.error("a limit failed", { error: new Error("the pool is gone") });
  logger.error("a listener failed", { error: "a string" });
  logger.error("plain");
  expect(texts).toEqual([
    "a limit failed: the pool is gone",
    'a listener failed: a value that is no Error was thrown: "a string"',
    "plain",
  ]);
});

it("by default says nothing else", () => {
  const texts = warnings();
  const logger = contained(defaultLogger);
  logger.debug("debug");
  logger.info("info");
  logger.warn("warn");
  expect(texts).toEqual([]);
});
