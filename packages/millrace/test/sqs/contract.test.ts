import { SQSClient } from "@aws-sdk/client-sqs";
import { SqsService, startLocalSqs } from "@millrace/local-sqs";
import type { LocalSqs } from "@millrace/local-sqs";
import { describe, expect, it } from "vitest";
import { fromSdk } from "../../src/sqs/from-sdk.ts";
import { HttpSqs } from "../../src/sqs/http-sqs.ts";
import { rejection } from "./bench.ts";
import { sqsApiContract } from "./contract.ts";

const region = "us-east-1";
const credentials = {
  accessKeyId: "AKIDEXAMPLE",
  secretAccessKey: "secret",
  sessionToken: "token",
};

function start(): Promise<LocalSqs> {
  return startLocalSqs({ port: 0, region, credentials });
}

sqsApiContract("SqsService", async () => {
  const service = new SqsService();
  return {
    sqs: service,
    waitingReceives: () => service.waitingReceives(),
    close: () => {
      service.close();
      return Promise.resolve();
    },
  };
});

sqsApiContract("HttpSqs", async () => {
  const server = await start();
  const sqs = new HttpSqs({ region, endpoint: server.endpoint, credentials });
  return {
    sqs,
    waitingReceives: () => server.service.waitingReceives(),
    close: async () => {
      await sqs.close();
      await server.stop();
    },
  };
});

sqsApiContract("fromSdk", async () => {
  const server = await start();
  const client = new SQSClient({ region, endpoint: server.endpoint, credentials });
  return {
    sqs: fromSdk(client),
    waitingReceives: () => server.service.waitingReceives(),
    close: async () => {
      client.destroy();
      await server.stop();
    },
  };
});

describe.each(["HttpSqs", "fromSdk"])("%s, whose signature is not taken", (name) => {
  it.each([
    ["a wrong secret", { ...credentials, secretAccessKey: "wrong" }],
    ["an unknown key", { ...credentials, accessKeyId: "OTHER" }],
  ])("is denied for %s, and does not say what it was", async (_fault, wrong) => {
    await using server = await start();
    const settings = { region, endpoint: server.endpoint, credentials: wrong };
    const client = new SQSClient(settings);
    await using http = new HttpSqs(settings);
    const sqs = name === "HttpSqs" ? http : fromSdk(client);
    const error = await rejection(sqs.call("ListQueues", {}));
    expect(error).toMatchObject({ category: "denied", statusCode: 403 });
    expect(String(error)).not.toMatch(/wrong|token:/);
    client.destroy();
  });

  it("is denied for a region that is not the server's", async () => {
    await using server = await start();
    const settings = { region: "eu-west-1", endpoint: server.endpoint, credentials };
    const client = new SQSClient(settings);
    await using http = new HttpSqs(settings);
    const sqs = name === "HttpSqs" ? http : fromSdk(client);
    expect(await rejection(sqs.call("ListQueues", {}))).toMatchObject({ category: "denied" });
    client.destroy();
  });
});
