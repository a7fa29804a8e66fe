import { startLocalSqs } from "@millrace/local-sqs";
import { Consumer, HttpSqs, Producer } from "millrace";

const local = await startLocalSqs({ port: 0, queues: ["greetings"] });
const credentials = { accessKeyId: "local", secretAccessKey: "local" };
const sqs = new HttpSqs({ endpoint: local.endpoint, region: "us-east-1", credentials });
const queue = local.queueUrl("greetings");
const heard = await new Promise((resolve, reject) => {
  const consumer = new Consumer({ queue, sqs, handle: (message) => resolve(message.body) });
  consumer.start().then(() => new Producer({ queue, sqs }).send("hello"), reject);
});
console.log(`the packed library delivered: ${heard}`);
process.exit(heard === "hello" ? 0 : 1);
