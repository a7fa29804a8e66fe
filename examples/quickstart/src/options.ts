/**
 * Owns the options that several programs share, so that they read the same everywhere. It never reads a
 * command line.
 */
import { Option } from "commander";
import { decimal, wholeNumber } from "programs";

export function countOption(description: string): Option {
  return new Option("--count <n>", description).argParser(wholeNumber(1, 100_000_000));
}

export function rateOption(): Option {
  return new Option("--rate <n>", "messages to send a second, fractions too")
    .argParser(decimal(0, 100_000, { inclusive: false }))
    .default(1);
}

export function workersOption(): Option {
  return new Option("--workers <n>", "messages to store at once")
    .argParser(wholeNumber(1, 10_000))
    .default(10);
}

export function failOption(): Option {
  return new Option("--fail <share>", "share of the handlers that throw, 0.2 is a fifth")
    .argParser(decimal(0, 1, { inclusive: true }))
    .default(0);
}

export function workOption(unset: string): Option {
  const text = `how long a handler pretends to work before its INSERT, on average (default: ${unset})`;
  return new Option("--work <ms>", text).argParser(wholeNumber(0, 60_000));
}

export function verboseOption(): Option {
  return new Option("--verbose", "a line for each event, however many there are").default(
    false,
    "more than 400 a second are summed up",
  );
}
