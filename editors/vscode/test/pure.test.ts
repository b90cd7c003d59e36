import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { PassThrough } from "node:stream";
import { describe as group, test } from "node:test";
import type { Message } from "vscode-jsonrpc/node";
import { describe, keyOf } from "../src/approvals";
import { LineReader, LineWriter } from "../src/lines";
import { mention, suggestions } from "../src/mentions";
import { counts, patched, sides, unpatched } from "../src/patch";
import { excerpt, inputOf } from "../src/prompt";
import type { FileUpdateChange, SkillMetadata, ThreadItem } from "../src/protocol.gen";
import { modeOf, policyOf } from "../src/session";
import { shown } from "../src/shell";

group("lines", () => {
	function read(...chunks: (string | Buffer)[]): { messages: unknown[]; errors: string[] } {
		const stream = new PassThrough();
		const [messages, errors]: [unknown[], string[]] = [[], []];
		const reader = new LineReader(stream);
		reader.onError((error) => errors.push(error.message));
		reader.listen((message) => messages.push(message));
		for (const chunk of chunks) stream.emit("data", Buffer.from(chunk as string));
		return { messages, errors };
	}
	const text = '{"a":"ü\u2028"}';

	test("messages are read however they are cut", () => {
		const bytes = Buffer.from(`${text}\n\r\n${text}\r\n`);
		for (let cut = 0; cut <= bytes.length; cut++) {
			assert.deepEqual(read(bytes.subarray(0, cut), bytes.subarray(cut)), { messages: [{ a: "ü\u2028" }, { a: "ü\u2028" }], errors: [] });
		}
	});

	test("a line that is no JSON is told, and reading goes on", () => {
		const { messages, errors } = read(`oops\n${text}\n`);
		assert.equal(messages.length, 1);
		assert.match(errors[0]!, /oops/);
	});

	test("a message is one line", async () => {
		const stream = new PassThrough();
		await new LineWriter(stream).write({ method: "a\nb" } as unknown as Message);
		assert.equal(String(stream.read()), '{"method":"a\\nb"}\n');
	});
});

group("approvals", () => {
	const at = { threadId: "t", turnId: "u", itemId: "i", startedAtMs: 0 };
	const labels = (choices: { label: string }[]) => choices.map((one) => one.label);

	test("a command is shown as it runs, and every answer is the host's", () => {
		const amendment = { acceptWithExecpolicyAmendment: { execpolicy_amendment: ["touch", "a b"] } };
		const question = describe("item/commandExecution/requestApproval", {
			...at, command: "/bin/bash -lc 'touch x'", cwd: "/w", reason: "because", availableDecisions: ["accept", amendment, "cancel"],
		})!;
		assert.deepEqual([question.code, question.cwd, question.reason], ["/bin/bash -lc 'touch x'", "/w", "because"]);
		assert.deepEqual(question.choices.map((one) => one.answer({})), [
			{ decision: "accept" }, { decision: "acceptForSession" }, { decision: amendment }, { decision: "decline" }, { decision: "cancel" },
		]);
		assert.match(labels(question.choices)[2]!, /touch a b/);
	});

	test("a patch brings the files of its item", () => {
		const changes: FileUpdateChange[] = [{ path: "/w/a", kind: { type: "add" }, diff: "x\n" }];
		const item = { type: "fileChange", id: "i", changes, status: "inProgress" } as ThreadItem;
		const question = describe("item/fileChange/requestApproval", { ...at, grantRoot: "/w" }, item)!;
		assert.equal(question.title, "Change this file?");
		assert.deepEqual(question.files, changes);
		assert.match(question.notes[0]!, /\/w/);
	});

	test("permissions are granted as asked, or not at all", () => {
		const permissions = { fileSystem: { write: ["/x"] }, network: null };
		const { choices } = describe("item/permissions/requestApproval", { ...at, cwd: "/w", permissions })!;
		assert.deepEqual(choices.map((one) => one.answer({})), [
			{ permissions: { fileSystem: { write: ["/x"] } }, scope: "turn" }, { permissions: { fileSystem: { write: ["/x"] } }, scope: "session" }, { permissions: {}, scope: "turn" },
		]);
	});

	test("questions are answered by their ids", () => {
		const options = [{ label: "Red", description: "warm" }, { label: "Blue", description: "cold" }];
		const question = describe("item/tool/requestUserInput", {
			...at, isBlocking: true, questions: [{ id: "c", header: "Colour", question: "Which?", isOther: true, options }, { id: "k", header: "Key", question: "Key?", isSecret: true, options: null }],
		})!;
		assert.deepEqual(question.fields.map((field) => [field.name, field.kind, field.other ?? false]), [["c", "one", true], ["k", "secret", false]]);
		assert.deepEqual(question.choices[0]!.answer({ c: "Red", k: "s" }), { answers: { c: { answers: ["Red"] }, k: { answers: ["s"] } } });
	});

	test("a tool of an MCP server can be remembered as far as the server's host offers", () => {
		const question = describe("mcpServer/elicitation/request", {
			threadId: "t", turnId: "u", serverName: "s", mode: "form", message: "Run it?", requestedSchema: { type: "object", properties: {} },
			_meta: { codex_approval_kind: "mcp_tool_call", persist: ["session"], tool_name: "echo", tool_params: { a: 1 } },
		})!;
		assert.match(question.code!, /echo .*"a": 1/s);
		assert.deepEqual(question.choices.map((one) => one.answer({})), [
			{ action: "accept", content: {}, _meta: null }, { action: "accept", content: {}, _meta: { persist: "session" } },
			{ action: "decline", content: null, _meta: null }, { action: "cancel", content: null, _meta: null },
		]);
	});

	test("a form is sent with the types of its schema", () => {
		const question = describe("mcpServer/elicitation/request", {
			threadId: "t", serverName: "s", mode: "form", message: "m", requestedSchema: { type: "object", required: ["n"], properties: {
				n: { type: "integer" }, b: { type: "boolean", default: true }, e: { type: "string", enum: ["x", "y"], enumNames: ["X", "Y"] },
				m: { type: "array", items: { type: "string", enum: ["p", "q"] } }, s: { type: "string", title: "Text" },
			} },
		})!;
		assert.deepEqual(question.fields.map((field) => [field.name, field.label, field.kind, field.required, field.initial]), [
			["n", "n", "number", true, undefined], ["b", "b", "boolean", false, "true"], ["e", "e", "one", false, undefined], ["m", "m", "many", false, undefined], ["s", "Text", "text", false, undefined],
		]);
		assert.deepEqual(question.choices[0]!.answer({ n: "3", b: false, e: "x", m: ["p"], s: "" }), { action: "accept", content: { n: 3, b: false, e: "x", m: ["p"] }, _meta: null });
	});

	test("what is not known is not asked, and ids keep their kind", () => {
		assert.equal(describe("item/tool/call", {}), undefined);
		assert.notEqual(keyOf(7), keyOf("7"));
	});
});

group("patches", () => {
	const before = "a\nb\nc\nd\ne\nf\n";
	const after = "a\nB\nB2\nc\nd\nf\n";
	const diff = "@@ -1,3 +1,4 @@\n a\n-b\n+B\n+B2\n c\n@@ -4,3 +5,2 @@\n d\n-e\n f\n";
	const update: FileUpdateChange = { path: "/w/a", kind: { type: "update", move_path: null }, diff };

	test("hunks are applied and taken back, also where lines have moved", () => {
		assert.equal(patched(before, diff), after);
		assert.equal(unpatched(after, diff), before);
		assert.equal(patched(`new\n${before}`, diff), `new\n${after}`);
		assert.equal(unpatched(`new\n${after}`, diff), `new\n${before}`);
		assert.equal(patched("x\n", diff), undefined);
	});

	test("the disk says which side it is", () => {
		assert.deepEqual(sides(update, before), { before, after, done: false });
		assert.deepEqual(sides(update, after), { before, after, done: true });
		assert.equal(sides(update, "else\n"), undefined);
		assert.equal(sides(update, undefined), undefined);
		assert.deepEqual(sides({ ...update, diff: `${diff}\n\nMoved to: /w/b` }, undefined, after), { before, after, done: true });
		assert.deepEqual(sides({ path: "/w/a", kind: { type: "add" }, diff: "x\n" }, undefined), { before: "", after: "x\n", done: false });
		assert.deepEqual(sides({ path: "/w/a", kind: { type: "delete" }, diff: "x\n" }, undefined), { before: "x\n", after: "", done: true });
	});

	test("lines are counted", () => {
		assert.deepEqual(counts(update), { added: 2, removed: 2 });
		assert.deepEqual(counts({ path: "/w/a", kind: { type: "add" }, diff: "x\ny\n" }), { added: 2, removed: 0 });
	});
});

group("prompts", () => {
	const skill = (name: string, path: string, enabled = true): SkillMetadata => ({ name, path, enabled, description: "d", scope: "repo" });

	test("text, selections, images and skills", () => {
		const image = "data:image/png;base64,AA==";
		assert.deepEqual(inputOf("do it with $greet, please", [{ label: "a.ts:1", text: "sel" }, { label: "i", image }], [skill("greet", "/g"), skill("other", "/o")]), [
			{ type: "text", text: "do it with $greet, please\n\nsel" }, { type: "image", url: image }, { type: "skill", name: "greet", path: "/g" },
		]);
		assert.deepEqual(inputOf("$greet", [], [skill("greet", "/a"), skill("greet", "/b")]).length, 1);
		assert.deepEqual(inputOf("$greet", [], [skill("greet", "/a", false)]).length, 1);
	});

	test("a selection is fenced by more than it holds", () => {
		assert.deepEqual(excerpt("src/a.md", "markdown", 3, 5, "x\n````\ny"), { label: "a.md:3-5", text: "src/a.md:3-5\n`````markdown\nx\n````\ny\n`````" });
	});

	test("files are named from the thread's folder", async () => {
		assert.deepEqual([mention("/w/a/b", "/w"), mention("/v/b", "/w"), mention("/w/b", undefined)], ["a/b", "/v/b", "/w/b"]);
		const file = (root: string, path: string) => ({ root, path, file_name: path, match_type: "file" as const, score: 1 });
		const request = async () => ({ files: [file("/w", "my file"), file("/v", "x")] }) as never;
		assert.deepEqual((await suggestions({ request }, "@x", ["/w", "/v"], "/w", [])).map((one) => one.insert), ['@"my file"', "@/v/x"]);
		assert.deepEqual((await suggestions({ request }, "$GR", [], undefined, [skill("greet", "/g"), skill("greedy", "/h", false)])).map((one) => one.insert), ["$greet"]);
	});
});

test("a wrapped command is shown as its script, when that is safe to say", () => {
	const cases: [string, string][] = [
		["/bin/bash -lc 'echo hi; ls'", "echo hi; ls"], ["/bin/bash -lc ls", "ls"], ["/bin/zsh -lc 'it'\\''s'", "it's"],
		[`/bin/bash -lc 'a'"'"'b'`, "a'b"], ["/bin/bash -lc 'a' rest", "/bin/bash -lc 'a' rest"], ["ls -l", "ls -l"], ['/bin/bash -lc "$X"', '/bin/bash -lc "$X"'],
	];
	for (const [command, script] of cases) assert.equal(shown(command), script);
});

test("sandboxes have a name both ways", () => {
	for (const mode of ["read-only", "workspace-write", "danger-full-access"] as const) assert.equal(modeOf(policyOf(mode, ["/w"])), mode);
});

test("every colour is the theme's", () => {
	const files = readdirSync("webview").map((name) => ({ name, text: readFileSync(`webview/${name}`, "utf8") }));
	const css = files.filter(({ name }) => name.endsWith(".css")).map(({ text }) => text).join("\n").replace(/\/\*.*?\*\//gs, "");
	const coloured = [...css.matchAll(/(?<=[{;]\s*)([\w-]*color|background[\w-]*|border[\w-]*|outline[\w-]*|[\w-]*shadow|fill|stroke)\s*:([^;}]*)/g)];
	assert.ok(coloured.length > 40, `only ${coloured.length} declarations were found`);
	for (const [declaration, , value] of coloured) {
		const words = value!.replace(/var\(--vscode-[\w-]+|\)/g, " ").split(/[\s,]+/).filter(Boolean);
		const other = words.filter((word) => !/^(-?\d*\.?\d+(px|em|%)?|solid|none|transparent|inherit|collapse)$/.test(word));
		assert.deepEqual(other, [], declaration);
	}
	for (const { name, text } of files.filter((file) => file.name.endsWith(".ts"))) assert.doesNotMatch(text, /\bstyle\b|#[0-9a-f]{6}\b|\brgba?\(/i, name);
});
