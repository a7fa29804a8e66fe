/**
 * Owns what a suite of SQS's semantics runs on: an SqsApi, the service behind it, and the virtual clock
 * of both. It never says what stands between the two: nothing here, HTTP and the AWS SDK in other tests.
 */
import type { SqsApi } from "millrace";
import { VirtualClock } from "millrace/testing";
import { SqsService } from "@millrace/local-sqs";
import type { SqsServiceOptions } from "@millrace/local-sqs";

export interface Bench {
  readonly api: SqsApi;
  readonly clock: VirtualClock;
  readonly service: SqsService;
  close(): Promise<void>;
}

/** Opens a bench; its clock is virtual whatever the options say. */
export type OpenBench = (options?: SqsServiceOptions) => Promise<Bench>;

/** The bench with nothing between caller and service. */
export const openInProcess: OpenBench = (options = {}) => {
  const clock = new VirtualClock();
  const service = new SqsService({ ...options, clock });
  return Promise.resolve({
    api: service,
    clock,
    service,
    close: () => {
      service.close();
      return Promise.resolve();
    },
  });
};
