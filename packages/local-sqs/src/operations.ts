/**
 * Owns the shape of the table of operations: a function for each. It holds no code.
 */
import type { SqsInput, SqsOperation, SqsOutput } from "millrace";

/**
 * Answers an operation. It throws a Refusal where SQS would refuse; a promise it returns rejects with
 * what the caller is to see.
 */
type Handler<O extends SqsOperation> = (
  input: SqsInput<O>,
  signal: AbortSignal | undefined,
) => SqsOutput<O> | Promise<SqsOutput<O>>;

/** Handlers of some operations. */
export type Operations<O extends SqsOperation> = { readonly [Each in O]: Handler<Each> };
