// The packaged extension in a real editor: from the README's first command to a broken configuration.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { after, describe } from "node:test";
import { Chat } from "./chat";
import { host, lacking } from "./editor";

describe("in the editor", { skip: lacking }, () => {
	const chat = new Chat();
	const { editor, say, over, turn, question } = Object.assign(chat, { say: chat.say.bind(chat) });
	const { work } = editor;
	const threads = () => editor.rows("Threads");
	after(() => editor.close());

	editor.step("the README's way to a first answer", async () => {
		writeFileSync(join(work, "hello.txt"), "one\ntwo\nthree\n");
		const readme = readFileSync("README.md", "utf8");
		const start = readme.slice(readme.indexOf("## Start"), readme.indexOf("\n## ", readme.indexOf("## Start") + 1));
		const commands = /```sh\n(.*?)```/s.exec(start)![1]!;
		const settings = JSON.parse(/```json\n(.*?)```/s.exec(start)![1]!) as Record<string, unknown>;
		const known = (JSON.parse(readFileSync("package.json", "utf8")) as { contributes: { configuration: { properties: object } } }).contributes.configuration.properties;
		for (const name of Object.keys(settings)) assert.ok(name in known, `${name} is no setting`);

		// What make builds was built before; the rest is done as it is written.
		const clone = join(editor.dir, "clone");
		for (const one of ["bin", "out"]) mkdirSync(join(clone, one), { recursive: true });
		symlinkSync(host, join(clone, "bin/codexhost"));
		symlinkSync(resolve(process.env.VSIX!), join(clone, "out/codexhost.vsix"));
		editor.run(`make() { grep -q "^$1:" '${resolve("../../Makefile")}'; }\n${commands}`, clone);
		await editor.start();
		await chat.open();
		const prompt = /write `(.*?)`/.exec(start)![1]!;
		await say(prompt);
		await chat.answered(`You said: ${prompt}`);
	});

	editor.step("an answer is Markdown that can be copied", async () => {
		await say("say:Here is **code**:\n\n```js\nlet a = 1;\n```\n\n<b onclick=\"x\">raw</b> and [a link](javascript:alert(1))");
		await turn().locator(".agent .code pre").waitFor();
		await over();
		assert.equal(await turn().locator(".agent .code pre").innerText(), "let a = 1;\n");
		assert.equal(await turn().locator(".agent strong").innerText(), "code");
		assert.equal(await turn().locator(".agent a, .agent b").count(), 0);
		await turn().getByRole("button", { name: "Copy" }).click();
		await editor.page.waitForFunction('navigator.clipboard.readText().then((text) => text === "let a = 1;\\n")');
	});

	editor.step("tokens and the context that is left are told", async () => {
		assert.match(await chat.view.locator("#meter").innerText(), /[\d,]+ tokens[\s\S]*\d+% context left/);
		await editor.picture("answer");
	});

	editor.step("reasoning is folded, a plan is kept in sight", async () => {
		const plan = { plan: [{ step: "Read the tests", status: "completed" }, { step: "Fix the parser", status: "in_progress" }, { step: "Run the tests", status: "pending" }] };
		await say(`think:The parser drops the last line. ;; call:update_plan ${JSON.stringify(plan)} ;; say:The parser dropped the **last line**; the fix is in \`parse\`.`);
		await chat.answered("last line");
		const reasoning = turn().locator("details.reasoning");
		assert.equal(await reasoning.getAttribute("open"), null);
		await reasoning.locator("summary").click();
		await reasoning.locator(".markdown", { hasText: "drops the last line" }).waitFor();
		assert.match(await chat.view.locator("#plan").innerText(), /Plan, 1 of 3 done[\s\S]*Fix the parser/);
		await editor.picture("plan");
	});

	editor.step("the sandbox, the model, the effort and when to ask are picked", async () => {
		await chat.choose(/^Sandbox: workspace-write/, "What commands", "Read only");
		await chat.button("Sandbox: read-only").waitFor();
		await chat.choose(/^Asks: untrusted/, "When to ask", "Never");
		await chat.button("Asks: never").waitFor();
		await say("exec:touch unwritable; test ! -e unwritable && echo confined ;; say:tried");
		await chat.answered("tried");
		assert.match(await turn().locator(".tool .output").innerText(), /confined/);
		assert.ok(!existsSync(join(work, "unwritable")));
		await chat.choose(/^Sandbox: read-only/, "What commands", "Workspace");
		await chat.choose(/^Asks: never/, "When to ask", "Before everything");
		await chat.choose(/^Model: offline/, "Model of", "offline");
		await chat.button("Model: offline").waitFor();
		await say("say:set");
		await chat.answered("set");
		await chat.button("Sandbox: workspace-write").waitFor();
		await chat.button("Asks: untrusted").waitFor();
	});

	editor.step("skills and MCP servers are shown with what is wrong with them", async () => {
		for (const [name, text] of [["good", "---\nname: good\ndescription: Does good\n---\n"], ["bad", "no front matter"]] as const) {
			mkdirSync(join(work, ".agents/skills", name), { recursive: true });
			writeFileSync(join(work, ".agents/skills", name, "SKILL.md"), text);
		}
		chat.configure('[mcp_servers.gone]\ncommand = "/nonexistent/server"\n[skills.bundled]\nenabled = false\n');
		await editor.command("Codexhost: Restart Host");
		await chat.view.locator(".notice.info", { hasText: "runs again" }).waitFor();
		assert.equal(await chat.view.locator(".notice.error").count(), 0);
		const header = editor.page.locator('.pane-header[aria-label^="Host"]');
		await header.click();
		const row = (text: RegExp) => editor.rows("Host").filter({ hasText: text });
		await row(/Skills.*1, 1 broken/).waitFor();
		await row(/MCP servers.*1, 1 broken/).waitFor();
		await row(/Skills/).first().click();
		await row(/bad.*missing YAML/).waitFor();
		await row(/good.*Does good/).waitFor();
		await row(/MCP servers/).first().click();
		await row(/gone.*No such file|gone.*failed/).waitFor();
		await editor.picture("status");
		await header.click();
	});

	editor.step("an answer is seen while it is written, and interrupted with Escape", async () => {
		await say("slow:700 word ");
		await turn().locator(".agent", { hasText: "wordword" }).waitFor();
		await chat.button("Stop").waitFor();
		await chat.view.locator("#prompt").press("Escape");
		await turn().locator(".turn-foot", { hasText: "Interrupted" }).waitFor();
		await over();
	});

	editor.step("a command asks, runs when accepted, and shows its output", async () => {
		await say("exec:echo out; touch made; exit 4 ;; say:ran");
		await question().waitFor();
		assert.match(await question().locator(".asked").innerText(), /echo out; touch made; exit 4/);
		assert.ok(!existsSync(join(work, "made")));
		await editor.picture("approval");
		await chat.button("Run").click();
		await turn().locator(".tool", { hasText: "exit 4" }).waitFor();
		await over();
		assert.match(await turn().locator(".tool .output").innerText(), /out/);
		assert.ok(existsSync(join(work, "made")));
		assert.equal(await question().count(), 0);
	});

	editor.step("a refused command does not run", async () => {
		await say("exec:touch unmade ;; say:fine");
		await chat.button("Don't run").click();
		await turn().locator(".tool.declined").waitFor();
		await over();
		assert.ok(!existsSync(join(work, "unmade")));
	});

	editor.step("a patch opens in the editor's diff view before it is applied", async () => {
		const { page } = editor;
		await say("patch:*** Begin Patch\n*** Update File: hello.txt\n@@\n one\n-two\n+TWO\n three\n*** End Patch ;; say:patched");
		await question().locator(".file").click();
		await page.locator(".monaco-diff-editor .modified .view-line", { hasText: "TWO" }).waitFor();
		await page.locator(".monaco-diff-editor .original .view-line", { hasText: "two" }).waitFor();
		const end = await chat.view.locator("#log").evaluate((log) => log.scrollHeight - log.scrollTop - log.clientHeight);
		assert.ok(end < 2, `the end of the conversation is ${end} pixels out of sight`);
		await editor.picture("diff");
		assert.match(readFileSync(join(work, "hello.txt"), "utf8"), /two/);
		await chat.button("Apply").click();
		await chat.answered("patched");
		assert.equal(readFileSync(join(work, "hello.txt"), "utf8"), "one\nTWO\nthree\n");
		await turn().getByRole("button", { name: "1 file changed" }).click();
		await page.locator(".tab.active", { hasText: "hello.txt (update)" }).waitFor();
	});

	editor.step("a thread is there again after a reload, and in the list", async () => {
		await chat.open();
		await chat.view.locator(".turn .agent", { hasText: "patched" }).waitFor();
		await say("say:after the reload");
		await chat.answered("after the reload");
		await threads().first().waitFor();
		await editor.picture("threads");
	});

	editor.step("a new thread is empty, and the old one is opened from the list", async () => {
		await editor.command("Codexhost: New Thread");
		await chat.view.locator(".hello").waitFor();
		await chat.focused();
		await say("say:second thread");
		await chat.answered("second thread");
		await threads().filter({ hasText: "Hello" }).click();
		await chat.view.locator(".agent", { hasText: "after the reload" }).waitFor();
		await chat.focused();
	});

	editor.step("a thread is renamed, archived and brought back from the list", async () => {
		const act = async (row: string, action: string) => {
			const found = threads().filter({ hasText: row });
			await found.hover();
			await found.locator(`[aria-label^="${action}"]`).click();
		};
		await act("second thread", "Rename");
		await editor.pick("Named by hand");
		const named = threads().filter({ hasText: "Named by hand" });
		await named.waitFor();
		await act("Named by hand", "Archive");
		await named.waitFor({ state: "detached" });
		await chat.view.locator(".agent", { hasText: "after the reload" }).waitFor(); // the thread that is shown stays

		await editor.command("Codexhost: Show Archived Threads");
		await named.waitFor();
		await act("Named by hand", "Unarchive");
		await named.waitFor({ state: "detached" });
		await editor.command("Codexhost: Show Active Threads");
		await named.waitFor();
	});

	editor.step("a thread is found by its name, and by its first prompt", async () => {
		const { page } = editor;
		const found = page.locator(".quick-input-list .monaco-list-row");
		await editor.command("Codexhost: Search Threads");
		await editor.pick("by hand", "Named by hand");
		await chat.view.locator(".agent", { hasText: "second thread" }).waitFor();
		await chat.focused();
		await editor.command("Codexhost: Search Threads");
		await found.nth(1).waitFor();
		await page.locator(".quick-input-widget input[type=text]").fill("nothing is called so");
		await found.first().waitFor({ state: "detached" });
		await editor.pick("Hello", "Hello");
		await chat.view.locator(".agent", { hasText: "after the reload" }).waitFor();
		await chat.focused();
	});

	editor.step("a fork goes on from an earlier turn", async () => {
		const before = await chat.view.locator(".turn").count();
		assert.ok(before > 3);
		await chat.view.locator(".turn").first().getByRole("button", { name: "Fork from here" }).click();
		await chat.view.locator(".turn").nth(1).waitFor({ state: "detached" });
		assert.equal(await chat.view.locator(".turn").count(), 1);
		await chat.focused();
		await say("say:on the fork");
		await chat.answered("on the fork");
	});

	editor.step("a killed host is told of, started again, and the thread goes on", async () => {
		await say("stall:");
		await chat.button("Stop").waitFor();
		const pid = chat.hostPid();
		process.kill(pid, "SIGKILL");
		await chat.view.locator(".notice.error", { hasText: "SIGKILL" }).waitFor();
		await chat.view.locator(".notice.info", { hasText: "runs again" }).waitFor();
		await say("say:alive");
		await chat.answered("alive");
		assert.notEqual(chat.hostPid(), pid);
	});

	editor.step("a broken configuration is shown as such", async () => {
		chat.configure("model = [\n");
		await editor.command("Codexhost: Restart Host");
		await chat.view.locator(".notice.warning", { hasText: "config.toml" }).first().waitFor();
		await editor.command("Codexhost: New Thread");
		await chat.focused();
		await say("say:never");
		await chat.view.locator(".notice.error", { hasText: /config/ }).waitFor();
		assert.equal(await chat.view.locator("#prompt").inputValue(), "say:never");
		await editor.picture("broken-config");
	});

	editor.step("and its repair is enough", async () => {
		chat.configure("");
		await chat.view.locator("#prompt").press("Enter");
		await chat.answered("never");
	});
});
