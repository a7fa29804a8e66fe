/**
 * Owns an SqsApi on the AWS SDK, which is the judge of what the server says: it signs, parses, and
 * checks the MD5s. It never retries, and adds nothing of its own.
 */
import * as sdk from "@aws-sdk/client-sqs";
import { SqsServiceError } from "millrace";
import type { SqsApi, SqsCallOptions, SqsInput, SqsOperation, SqsOutput } from "millrace";

type Send = (input: never, options: { abortSignal?: AbortSignal }) => Promise<object>;

export class SdkApi implements SqsApi {
  readonly #client: sdk.SQSClient;

  constructor(config: sdk.SQSClientConfig) {
    this.#client = new sdk.SQSClient({
      region: "us-east-1",
      credentials: { accessKeyId: "local", secretAccessKey: "local" },
      maxAttempts: 1,
      ...config,
    });
  }

  async call<O extends SqsOperation>(
    operation: O,
    input: SqsInput<O>,
    { signal }: SqsCallOptions = {},
  ): Promise<SqsOutput<O>> {
    // The SDK's types tell commands apart where SqsOperations tells names apart: same shapes, no relation.
    // oxlint-disable-next-line import/namespace -- each operation has its command, of that name
    const Command = sdk[`${operation}Command`] as unknown as new (given: SqsInput<O>) => never;
    const send = this.#client.send.bind(this.#client) as Send;
    try {
      const answer = await send(
        new Command(input),
        signal === undefined ? {} : { abortSignal: signal },
      );
      const { $metadata: _metadata, ...output } = answer as SqsOutput<O> & { $metadata?: object };
      return output;
    } catch (error) {
      if (signal?.aborted === true) throw signal.reason;
      if (!(error instanceof sdk.SQSServiceException)) throw error;
      throw new SqsServiceError(
        {
          operation,
          errorName: error.name,
          text: error.message,
          statusCode: error.$metadata.httpStatusCode ?? 0,
          senderFault: error.$fault === "client",
          requestId: error.$metadata.requestId,
        },
        { cause: error },
      );
    }
  }

  close(): void {
    this.#client.destroy();
  }
}
