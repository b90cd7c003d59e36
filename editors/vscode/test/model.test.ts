import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { type Change, contextLeft, Model } from "../src/model";
import type { Notifications, ThreadItem, ThreadStartResponse } from "../src/protocol.gen";

/** The messages of a host: one thread and one turn with reasoning, a command, a patch, a plan and an answer. */
interface Recorded {
	start: ThreadStartResponse;
	turn: { method: keyof Notifications; params: Notifications[keyof Notifications] }[];
}
const recorded = (): Recorded => JSON.parse(readFileSync("test/recorded.json", "utf8")) as Recorded;

function played(messages = Infinity): { model: Model; changes: Change[]; id: string; recorded: Recorded } {
	const changes: Change[] = [];
	const model = new Model((change) => changes.push(change));
	const session = recorded();
	model.load(session.start);
	for (const { method, params } of session.turn.slice(0, messages)) model.apply(method, params);
	return { model, changes, id: session.start.thread.id, recorded: session };
}

test("a recorded turn becomes its items, in order", () => {
	const { model, id } = played();
	const thread = model.threads.get(id)!;
	assert.deepEqual(thread.turns.map((turn) => turn.status), ["completed"]);
	assert.deepEqual(thread.turns[0]!.entries.map((entry) => [entry.item.type, entry.done]), [
		["userMessage", true], ["reasoning", true], ["commandExecution", true], ["fileChange", true], ["agentMessage", true],
	]);
	assert.deepEqual(thread.plan!.steps, [{ status: "pending", step: "a" }]);
	assert.match(thread.turns[0]!.diff, /^diff --git/);
	assert.equal(thread.usage!.total.totalTokens, 7560);
	assert.equal(model.runningTurn(id), undefined);
	assert.match(thread.preview, /^think:hmm/);
});

test("a command's output is there while it runs, and its result replaces it", () => {
	const all = recorded().turn;
	const { model, id } = played(all.findLastIndex((one) => one.method === "item/commandExecution/outputDelta") + 1);
	const entry = model.threads.get(id)!.turns[0]!.entries.find((one) => one.item.type === "commandExecution")!;
	assert.equal(entry.output, "hi\nho\n");
	assert.equal(entry.done, false);
	const after = played().model.entry(id, entry.id)!.item as ThreadItem & { type: "commandExecution" };
	assert.deepEqual([after.exitCode, after.aggregatedOutput], [0, "hi\nho\n"]);
});

test("the end of an enormous output is kept", () => {
	const all = recorded().turn;
	const at = all.findIndex((one) => one.method === "item/commandExecution/outputDelta");
	const { model, id } = played(at);
	const delta = all[at]!.params as Notifications["item/commandExecution/outputDelta"];
	for (let i = 0; i < 200; i++) model.apply("item/commandExecution/outputDelta", { ...delta, delta: `${i}`.padEnd(1000, ".") });
	const { output } = model.entry(id, delta.itemId)!;
	assert.equal(output.length, 64 * 1024);
	assert.match(output, /199\.+$/);
});

test("threads that nobody opened are not kept", () => {
	const { model, recorded: session } = played(0);
	const other = structuredClone(session.turn[0]!);
	(other.params as { threadId: string }).threadId = "another";
	model.apply(other.method, other.params);
	assert.deepEqual([...model.threads.keys()], [session.start.thread.id]);
});

test("an interrupted turn leaves nothing open", () => {
	const { model, id, recorded: session } = played(8);
	const started = session.turn.find((one) => one.method === "turn/started")!.params as Notifications["turn/started"];
	model.apply("turn/completed", { threadId: id, turn: { ...started.turn, status: "interrupted" } });
	const turn = model.threads.get(id)!.turns[0]!;
	assert.equal(turn.status, "interrupted");
	assert.ok(turn.entries.every((entry) => entry.done));
});

test("a steering prompt closes the answer that it cuts off", () => {
	const all = recorded().turn;
	const { model, id } = played(all.findIndex((one) => one.method === "item/agentMessage/delta") + 1);
	const prompt = all.find((one) => one.method === "item/started")!.params as Notifications["item/started"];
	model.apply("item/started", { ...prompt, item: { ...prompt.item, id: "steering" } as ThreadItem });
	const cut = model.threads.get(id)!.turns[0]!.entries.find((entry) => entry.item.type === "agentMessage")!;
	assert.deepEqual([cut.done, cut.item.type === "agentMessage" && cut.item.text], [true, "done"]);
});

test("what a dead host was doing is over, and its threads must be resumed", () => {
	const { model, id } = played(6);
	model.hostDied();
	const thread = model.threads.get(id)!;
	assert.equal(thread.live, false);
	assert.equal(thread.turns[0]!.status, "interrupted");
	assert.match(thread.turns[0]!.error!, /host ended/);
});

test("a resumed thread keeps what was told before the answer", () => {
	const { model, id, recorded: session } = played();
	const turn = model.threads.get(id)!.turns[0]!;
	const items = turn.entries.slice(0, 2).map((entry) => entry.item);
	const answer = structuredClone(session.start);
	answer.thread.turns = [{ id: turn.id, items, status: "completed" }];
	const loaded = model.load(answer).turns[0]!;
	assert.deepEqual(loaded.entries.map((entry) => entry.item.type), ["userMessage", "reasoning", "commandExecution", "fileChange", "agentMessage"]);
	assert.ok(loaded.diff);
});

test("a retry is shown until the model answers again", () => {
	const { model, id } = played(3);
	const turn = model.threads.get(id)!.turns[0]!;
	const next = recorded().turn.find((one) => one.method === "item/started")!;
	model.apply("error", { threadId: id, turnId: turn.id, willRetry: true, error: { message: "Reconnecting... 1/2" } });
	assert.equal(turn.retrying, "Reconnecting... 1/2");
	model.apply(next.method, next.params);
	assert.equal(turn.retrying, undefined);
	assert.equal(turn.error, undefined);
});

test("the context that is left", () => {
	const breakdown = { cachedInputTokens: 0, inputTokens: 0, outputTokens: 0, reasoningOutputTokens: 0, cacheWriteInputTokens: 0 };
	const of = (used: number, window: number | null) =>
		contextLeft({ last: { ...breakdown, totalTokens: used }, total: { ...breakdown, totalTokens: 10 * used }, modelContextWindow: window });
	assert.deepEqual([of(25, 100), of(200, 100), of(1, null), contextLeft(undefined)], [0.75, 0, undefined, undefined]);
});
