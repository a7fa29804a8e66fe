/**
 * The public API of @millrace/local-sqs, name by name. It holds no code.
 */
export { SqsService } from "./service.ts";
export type { SqsServiceOptions } from "./service.ts";
export { ListenError } from "./listen-error.ts";
export type { LocalCredentials } from "./signature.ts";
export { startLocalSqs } from "./start.ts";
export type { LocalQueue, LocalSqs, LocalSqsOptions } from "./start.ts";
