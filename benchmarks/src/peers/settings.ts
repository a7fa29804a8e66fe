/**
 * Owns what all clients are told of the endpoint: region and credentials. It imports nothing, so that those without
 * the SDK are measured without it.
 */

export const region = "us-east-1";
export const credentials = { accessKeyId: "AKIDBENCHMARK", secretAccessKey: "benchmark" } as const;
