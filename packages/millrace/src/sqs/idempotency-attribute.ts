/**
 * Owns the name of the message attribute in which the producer's stamp travels, so that producer and consumer
 * agree on it. It never writes or reads one.
 */

/**
 * The attribute's name. SQS's MessageId is new after each send and each redrive; an attribute goes with the
 * message wherever it goes, a dead-letter queue and back included.
 */
export const idempotencyAttribute = "millrace.id";
