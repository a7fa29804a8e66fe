import { OptionError } from "millrace";
import { expect, it } from "vitest";

/** What the message of an error about an option says of the value that was given. */
function shown(received: unknown): string {
  return new OptionError("pool", "a pool", received).message.replace(/^.*; received /, "");
}

it.each([
  ["postgres://app:s3cret@db/app", "postgres://(not shown)@db/app"],
  ["https://s3cret@sqs.test/1/q", "https://(not shown)@sqs.test/1/q"],
  ["//app:s3cret@db", "//(not shown)@db"],
  // No URLs, strictly: that is why they are shown.
  ["postgres://app:s3/cret@db/app", "postgres://(not shown)@db/app"],
  ["postgres://app:s3@cret@db/app", "postgres://(not shown)@db/app"],
  [
    "see http://a:s3cret@b and ftp://c:s3cret@d",
    "see http://(not shown)@b and ftp://(not shown)@d",
  ],
])("the message about an option does not repeat the user of a URL: %s", (url, expected) => {
  expect(shown(url)).toBe(JSON.stringify(expected));
  expect(shown({ url })).toBe(JSON.stringify({ url: expected }));
  expect(shown([url])).toBe(JSON.stringify([expected]));
});

it.each(["https://sqs.test/1/q", "me@sqs.test", "no url at all", "@//", "a@b // c"])(
  "the message about an option repeats what has no user: %s",
  (text) => {
    expect(shown(text)).toBe(JSON.stringify(text));
  },
);

it("the message about an option does not repeat a user that is longer than what it shows", () => {
  expect(shown(`postgres://app:${"s3cret".repeat(100)}@db/app`)).not.toContain("s3cret");
});

it.each(["connectionString", "connection_string", "password", "sessionToken", "clientSecret"])(
  "the message about an option does not repeat what is named %s",
  (name) => {
    expect(shown({ [name]: "s3cret", max: 1 })).toBe(`{"${name}":"(not shown)","max":1}`);
  },
);
