/**
 * Owns how the queue of the examples is called, and how its local stand-in is reached. It never makes one.
 */

export const queueName = "ticket_reservation_data_queue";

export const localRegion = "us-east-1";

/** The local SQS of the examples takes any; these are obviously no real ones. */
export const localCredentials = { accessKeyId: "local", secretAccessKey: "local" } as const;
