import { OptionError, Producer } from "millrace";
import { expect, it } from "vitest";

const queue = "https://sqs.eu-west-1.amazonaws.com/123456789012/jobs";

it.each([
  ["nothing", undefined, "options must be an object; received undefined"],
  ["null", null, "options must be an object; received null"],
  [
    "a name it does not know",
    { queue, maxpending: 5 },
    /^maxpending must be left out.* received 5$/,
  ],
  ["a client that is none", { queue, sqs: {} }, /^sqs must be an SqsApi.* received {}$/],
  ["a queue that is none", { queue: "" }, /^queue must be .* received ""$/],
  [
    "a batch too large",
    { queue, batch: { maxSize: 11 } },
    /^batch\.maxSize must be .* received 11$/,
  ],
])("refuses %s, and says what it got", (_, options, message) => {
  const make = (): unknown => new Producer(options as ConstructorParameters<typeof Producer>[0]);
  expect(make).toThrow(OptionError);
  expect(make).toThrow(message);
});
