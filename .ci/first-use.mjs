/** What a user writes first, against the packages as they would be published; prints what it heard. */
import { startLocalSqs } from "@millrace/local-sqs";
import { Consumer, HttpSqs, Producer } from "millrace";

const local = await startLocalSqs({ port: 0, queues: ["greetings"] });
const credentials = { accessKeyId: "local", secretAccessKey: "local" };
const sqs = new HttpSqs({ endpoint: local.endpoint, region: "us-east-1", credentials });
const options = { queue: local.queueUrl("greetings"), sqs };

const consumer = new Consumer({ ...options, handle: (message) => console.log(message.body) });
consumer.on("acknowledged", () => consumer.stop().then(() => local.stop()));
await consumer.start();
await new Producer(options).send("hello from the packed library");
