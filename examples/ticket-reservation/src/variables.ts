/** Owns what the programs of the ticket office read from their environment. It never reads it. */
export const serverVariables = {
  QUEUE_URL: "the queue's URL, ARN or name",
  DATABASE_URL: "postgres://user:password@host:port/database",
};
