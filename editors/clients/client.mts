// A complete client of the host: node client.mts [PROMPT [HOST [ARGUMENT...]]]
// Node runs the file as it is from 23.6 on; 22.6 with --experimental-strip-types.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

type Message = { id?: number | string; method?: string; params?: any; result?: any; error?: { code: number; message: string } };

const [prompt = "Hello", program = "codexhost", ...args] = process.argv.slice(2);
const child = spawn(program, args.length ? args : ["app-server"], { stdio: ["pipe", "pipe", "inherit"] });
const waiting = new Map<number | string, { resolve(result: any): void; reject(error: Error): void }>();
const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
let lastId = 0;

const ended = new Promise<number>((resolve) => child.on("exit", (code) => resolve(code ?? 1)));
child.on("error", (error) => fail(error.message));
child.stdin.on("error", () => {}); // the end of its output says why
const send = (message: Message) => child.stdin.write(JSON.stringify(message) + "\n");

function fail(reason: string): never {
  console.error(reason);
  process.exit(1);
}

function call(method: string, params: object): Promise<any> {
  return new Promise((resolve, reject) => {
    waiting.set(++lastId, { resolve, reject: (error) => reject(new Error(`${method}: ${error.message}`)) });
    send({ id: lastId, method, params });
  });
}

async function handle({ id, method, params }: Message) {
  if (method === "item/agentMessage/delta") process.stdout.write(params.delta);
  else if (method === "item/completed" && params.item.type === "commandExecution")
    process.stdout.write(`[${params.item.status}: ${params.item.command}]\n${params.item.aggregatedOutput ?? ""}`);
  else if (method === "error") console.error(params.error.message);
  else if (method === "turn/completed") {
    console.log();
    child.stdin.end(); // the host ends with its input
    process.exit((await ended) || (params.turn.status === "completed" ? 0 : 1));
  } else if (method === "item/commandExecution/requestApproval" || method === "item/fileChange/requestApproval") {
    console.log(params.command ? `Run ${params.command} ? [y/N]` : "Change files? [y/N]");
    const { value } = await answers.next();
    send({ id, result: { decision: value?.trim() === "y" ? "accept" : "decline" } });
  } else if (id !== undefined) send({ id, error: { code: -32601, message: `${method} is not supported` } });
}

createInterface({ input: child.stdout }).on("line", (line) => {
  const message: Message = JSON.parse(line);
  if (message.method) return void handle(message); // a request of the host has an id, a notification has none
  if (message.error) waiting.get(message.id!)?.reject(message.error as Error & typeof message.error);
  else waiting.get(message.id!)?.resolve(message.result);
  waiting.delete(message.id!);
}).on("close", async () => fail(`the host ended with status ${await ended}`));

process.on("unhandledRejection", (error: Error) => fail(error.message));
await call("initialize", { clientInfo: { name: "client_ts", version: "1" } });
send({ method: "initialized" });
const { thread } = await call("thread/start", { approvalPolicy: "untrusted" });
await call("turn/start", { threadId: thread.id, input: [{ type: "text", text: prompt }] });
