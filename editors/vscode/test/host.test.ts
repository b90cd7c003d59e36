// The session against a real host, which $CODEXHOST names; its offline model does what prompts say.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { program, Room } from "./real";

describe("the real host", { skip: program ? false : "CODEXHOST does not name a host" }, () => {
	let room: Room;
	beforeEach(() => void (room = new Room()));
	afterEach(() => room.close());

	const items = () => room.session.thread!.turns.flatMap((turn) => turn.entries.map((entry) => entry.item));
	const answers = () => items().flatMap((item) => (item.type === "agentMessage" ? [item.text] : []));
	const command = () => items().find((item) => item.type === "commandExecution")!;

	test("an answer is streamed", async () => {
		await room.say("slow:20 word ");
		await room.over();
		assert.match(answers().join(""), /word word/);
		const seen = room.changes.filter((change) => change.entry?.item.type === "agentMessage").length;
		assert.ok(seen > 3, `the answer came in ${seen} steps`);
		assert.ok(room.session.thread!.usage!.total.totalTokens > 0);
	});

	test("reasoning, a plan and a command are told", async () => {
		room.session.chosen = { approvalPolicy: "never", sandbox: "workspace-write" };
		await room.say('think:hmm ;; exec:echo one; sleep 0.3; echo two >&2; exit 3 ;; call:update_plan {"plan":[{"step":"a","status":"pending"}]} ;; say:done');
		assert.equal((await room.over()).status, "completed");
		const run = command();
		assert.equal(run.type === "commandExecution" && run.exitCode, 3);
		assert.match((run.type === "commandExecution" && run.aggregatedOutput) || "", /one\n(.*\n)?two/);
		assert.ok(items().some((item) => item.type === "reasoning" && item.summary?.join("") === "hmm"));
		assert.deepEqual(room.session.thread!.plan?.steps, [{ step: "a", status: "pending" }]);
	});

	test("an accepted command runs, a declined one does not", async () => {
		room.session.chosen = { approvalPolicy: "untrusted", sandbox: "danger-full-access" };
		await room.say("exec:touch made ;; say:ok");
		let asked = await room.question();
		assert.match(asked.code!, /touch made/);
		assert.equal(asked.cwd, room.work);
		room.answer(asked, "Run");
		await room.over();
		assert.ok(existsSync(join(room.work, "made")));

		await room.say("exec:touch unmade ;; say:ok");
		asked = await room.question();
		room.answer(asked, "Don't run");
		const turn = await room.over();
		assert.equal(turn.status, "completed");
		assert.equal(turn.entries.some(({ item }) => item.type === "commandExecution" && item.status === "declined"), true);
		assert.ok(!existsSync(join(room.work, "unmade")));
	});

	test("a patch is shown before it is applied", async () => {
		room.session.chosen = { approvalPolicy: "untrusted", sandbox: "workspace-write" };
		await room.say("patch:a.txt hello ;; say:ok");
		const asked = await room.question();
		assert.deepEqual(asked.files.map((file) => [file.path, file.kind.type]), [[join(room.work, "a.txt"), "add"]]);
		assert.ok(!existsSync(join(room.work, "a.txt")));
		room.answer(asked, "Apply");
		const turn = await room.over();
		assert.equal(readFileSync(join(room.work, "a.txt"), "utf8"), asked.files[0]!.diff);
		assert.match(turn.diff, /\+hello/);
	});

	test("a turn is interrupted, and its question taken back", async () => {
		room.session.chosen = { approvalPolicy: "untrusted" };
		await room.say("exec:sleep 9");
		await room.question();
		await room.session.interrupt();
		assert.equal((await room.over()).status, "interrupted");
		await room.until("no question", () => room.session.questions(room.session.current).length === 0);
	});

	test("in plan mode the agent asks, and its questions are answered", async () => {
		room.session.chosen = { mode: "plan" };
		const options = [{ label: "Red", description: "" }, { label: "Blue", description: "" }];
		await room.say(`call:request_user_input ${JSON.stringify({ questions: [{ id: "c", header: "Colour", question: "Which?", options }] })}`);
		const asked = await room.question();
		assert.deepEqual([asked.title, asked.fields[0]!.kind, asked.fields[0]!.other], ["Colour", "one", true]);
		room.session.answer(asked.key, 0, { c: "Blue" });
		await room.over();
		assert.match(answers().join(""), /"c":\{"answers":\["Blue"\]\}/);
		assert.equal(room.session.thread!.settings!.mode, "plan");
	});

	test("a prompt during a turn steers it", async () => {
		await room.say("stall:");
		await room.until("the prompt", () => room.session.thread!.turns[0]?.entries.length === 1);
		await room.say("say:steered");
		await room.over();
		assert.equal(room.session.thread!.turns.length, 1);
		assert.match(answers().join(), /steered/);
	});

	test("a thread is listed, renamed, resumed, forked and archived", async () => {
		await room.say("say:one");
		await room.over();
		await room.say("say:two");
		await room.over();
		const first = room.session.current!;
		await room.session.request("thread/name/set", { threadId: first, name: "Named" });
		await room.until("the name", () => room.session.thread!.name === "Named");

		const forked = await room.session.fork(first, room.session.thread!.turns[0]!.id);
		assert.notEqual(forked, first);
		assert.deepEqual(answers(), ["one"]);

		await room.session.keeper.restart();
		room.session.newThread();
		room.session.model.threads.clear();
		await room.session.open(first);
		assert.deepEqual(answers(), ["one", "two"]);
		await room.say("say:three");
		await room.over();
		assert.deepEqual(answers(), ["one", "two", "three"]);

		await room.session.request("thread/archive", { threadId: first });
		const { data } = await room.session.request("thread/list", {});
		assert.ok(!data.some((thread) => thread.id === first));
		assert.ok(data.some((thread) => thread.id === forked));
	});

	test("a resumed thread may do what it might before, not more", async () => {
		room.session.chosen = { approvalPolicy: "untrusted", sandbox: "workspace-write" };
		await room.say("say:one");
		await room.over();
		await room.session.keeper.restart();
		await room.until("the thread", () => room.session.thread!.live);
		const again = room.session.thread!.settings!;
		assert.deepEqual([again.approvalPolicy, again.sandbox.type], ["untrusted", "workspaceWrite"]);

		const id = room.session.current!;
		room.session.forget(id);
		room.defaults = { approvalPolicy: "never", sandbox: "read-only" };
		await room.session.keeper.restart();
		await room.session.open(id);
		const stored = room.session.thread!.settings!;
		assert.deepEqual([stored.approvalPolicy, stored.sandbox.type], ["never", "readOnly"]);
	});

	test("a request right after a death brings the host back too", async () => {
		await room.say("say:one");
		await room.over();
		const { state } = room.session.keeper;
		process.kill(state.is === "running" ? state.pid : 0, "SIGKILL");
		await room.until("the death", () => room.session.keeper.state.is === "starting");
		await room.session.request("model/list", {});
		await room.until("word of it", () => room.notices.includes("The host runs again.") && room.session.thread!.live);
	});

	test("a host that is killed is started again and the thread goes on", async () => {
		await room.say("say:before");
		await room.over();
		await room.say("stall:");
		await room.until("the turn", () => room.session.busy);
		const state = room.session.keeper.state;
		assert.equal(state.is, "running");
		process.kill(state.is === "running" ? state.pid : 0, "SIGKILL");
		await room.until("word of the death", () => room.notices.some((text) => text.includes("SIGKILL")));
		assert.equal(room.session.thread!.turns.at(-1)!.status, "interrupted");
		await room.until("the thread", () => room.session.thread!.live);
		await room.say("say:after");
		await room.over();
		assert.deepEqual(answers(), ["before", "after"]);
	});

	test("a host that dies again and again is left alone until someone asks", async () => {
		await room.say("say:one");
		await room.over();
		for (let pid = 0, deaths = 0; deaths < 4; deaths++) {
			const last = pid;
			pid = await room.until("another host", () => {
				const { state } = room.session.keeper;
				return state.is === "running" && state.pid !== last && state.pid;
			});
			process.kill(pid, "SIGKILL");
		}
		const reason = await room.until("the end of tries", () => room.session.keeper.state.is === "failed" && room.session.keeper.state.reason);
		assert.match(reason, /SIGKILL.*4 times/);
		await room.session.keeper.restart();
		await room.until("the thread", () => room.session.thread!.live);
		await room.say("say:two");
		await room.over();
		assert.deepEqual(answers(), ["one", "two"]);
	});

	test("a failing model is told", async () => {
		await room.say("fail:400");
		const turn = await room.over();
		assert.equal(turn.status, "failed");
		assert.ok(turn.error);
	});
});

describe("what goes wrong at the start", { skip: program ? false : "CODEXHOST does not name a host" }, () => {
	test("a broken config.toml is told and stops threads", async () => {
		const room = new Room("model = [\n");
		try {
			await assert.rejects(room.say("hello"), /config/);
			await room.until("a warning", () => room.notices.some((text) => /config/i.test(text)));
		} finally {
			await room.close();
		}
	});

	test("a missing binary is told, and another try is made when asked", async () => {
		const room = new Room(undefined, "/nonexistent/codexhost");
		try {
			await assert.rejects(room.say("hello"), /nonexistent.*ENOENT/);
			assert.equal(room.session.keeper.state.is, "failed");
			await assert.rejects(room.session.keeper.restart(), /ENOENT/);
		} finally {
			await room.close();
		}
	});

	test("a program that is no host is told with its last words", async () => {
		const room = new Room(undefined, "/bin/ls");
		try {
			await assert.rejects(room.say("hello"), /ended with status 2: .*app-server/);
		} finally {
			await room.close();
		}
	});
});
