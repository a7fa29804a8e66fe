import * as millrace from "millrace";
import * as postgres from "millrace/postgres";
import * as testing from "millrace/testing";
import * as threads from "millrace/threads";
import { expect, it } from "vitest";

/** What the library exports, name by name: a change here is a change for its users. */
it("exports these values and no others", () => {
  expect(Object.keys(millrace).toSorted()).toMatchInlineSnapshot(`
    [
      "BatchOutcomeError",
      "BodyTimeoutError",
      "Channel",
      "ChannelClosedError",
      "Consumer",
      "ConsumerStoppedError",
      "HandlerTimeoutError",
      "HttpSqs",
      "InvalidBodyError",
      "InvalidMessageError",
      "LeaseLostError",
      "MillraceError",
      "NoDeadLetterQueueError",
      "OptionError",
      "OrderKeyError",
      "Producer",
      "ProducerClosedError",
      "QueueSetupError",
      "SendFailedError",
      "SettlementError",
      "SqsConnectionError",
      "SqsCredentialsError",
      "SqsError",
      "SqsRequestError",
      "SqsResponseError",
      "SqsServiceError",
      "SqsTimeoutError",
      "deadLetter",
      "exponentialBackoff",
      "fromSdk",
      "parseQueue",
      "release",
      "resolveQueueUrl",
      "retry",
      "sleep",
      "systemClock",
      "systemRandom",
    ]
  `);
  expect(Object.keys(postgres).toSorted()).toMatchInlineSnapshot(`
    [
      "CommitUnknownError",
      "DatabaseUnavailableError",
      "InboxKeyError",
      "OutboxRelay",
      "RelayStoppedError",
      "StatementError",
      "TransactionAbortedError",
      "TransactionEndedError",
      "inbox",
      "inboxBatch",
      "inboxSql",
      "migrate",
      "outbox",
      "outboxSql",
      "poolHeadroom",
      "sweep",
    ]
  `);
  expect(Object.keys(testing).toSorted()).toMatchInlineSnapshot(`
    [
      "VirtualClock",
      "seededRandom",
    ]
  `);
  expect(Object.keys(threads).toSorted()).toMatchInlineSnapshot(`
    [
      "HandlerModuleError",
      "MessageTransferError",
      "WorkerThreadLostError",
      "inThreads",
    ]
  `);
});
