/**
 * The public API of @millrace/local-sqs, name by name. It holds no code.
 */
export { SqsService } from "./service.ts";
export type { SqsServiceOptions } from "./service.ts";
