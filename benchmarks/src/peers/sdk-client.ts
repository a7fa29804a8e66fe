/**
 * Owns the clients of the AWS SDK, for the peers that have one: no other may import this. It never connects.
 */
import { SQS, SQSClient } from "@aws-sdk/client-sqs";
import type { SQSClientConfig } from "@aws-sdk/client-sqs";
import { credentials, region } from "./settings.ts";

/**
 * One client a process: it keeps its connections open, is not held up by the SDK's default of 50 sockets, and
 * computes no MD5 of bodies, since HttpSqs does not either.
 */
function sdkConfig(endpoint: string): SQSClientConfig {
  return {
    endpoint,
    region,
    credentials,
    md5: false,
    requestHandler: { httpAgent: { keepAlive: true, maxSockets: 500 } },
  };
}

export function sdkClient(endpoint: string): SQSClient {
  return new SQSClient(sdkConfig(endpoint));
}

/** The SDK's client with a method for each operation, which squiss-ts wants. */
export function sdkAggregate(endpoint: string): SQS {
  return new SQS(sdkConfig(endpoint));
}
