// The packaged extension in a real editor: code-server from the folder $CODE_SERVER, driven in the Chromium that
// $CHROMIUM or PATH names, against the host that $CODEXHOST names. $SCREENSHOTS keeps pictures of the main states.
import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, afterEach, before, describe, test } from "node:test";
import { type Browser, chromium, type FrameLocator, type Page } from "playwright-core";

const { CODEXHOST, CODE_SERVER, SCREENSHOTS } = process.env;
const WAIT_MS = 20_000;

function which(names: string[]): string | undefined {
	const dirs = (process.env.PATH ?? "").split(":");
	return names.flatMap((name) => dirs.map((dir) => join(dir, name))).find(existsSync);
}

const browserPath = process.env.CHROMIUM || which(["chromium", "chromium-browser", "google-chrome"]);
const node = join(CODE_SERVER ?? "", "node24/node_modules/.bin/node");
const entry = join(CODE_SERVER ?? "", "node_modules/code-server/out/node/entry.js");
const skip = !CODEXHOST ? "CODEXHOST does not name a host" : !CODE_SERVER || !existsSync(entry) ? "CODE_SERVER does not name a folder with code-server"
	: !browserPath ? "no Chromium is installed (Debian: chromium)" : false;

describe("in the editor", { skip }, () => {
	const dir = mkdtempSync(join(tmpdir(), "codexhost-editor-"));
	const work = join(dir, "work");
	const home = join(dir, "home");
	const env: NodeJS.ProcessEnv = { PATH: process.env.PATH, HOME: home, LANG: "C.UTF-8" };
	const flags = ["--user-data-dir", join(dir, "user"), "--extensions-dir", join(dir, "extensions")];
	let server: ChildProcess;
	let browser: Browser;
	let page: Page;
	let view: FrameLocator;
	let url: string;

	before(async () => {
		for (const one of [work, home, join(dir, "user/User"), join(dir, "user/Machine")]) mkdirSync(one, { recursive: true });
		writeFileSync(join(work, "hello.txt"), "one\ntwo\nthree\n");
		writeFileSync(join(dir, "user/User/settings.json"), JSON.stringify({
			"workbench.startupEditor": "none", "workbench.secondarySideBar.defaultVisibility": "hidden", "chat.disableAIFeatures": true,
			"telemetry.telemetryLevel": "off", "security.workspace.trust.enabled": false, "git.enabled": false, "extensions.autoUpdate": false,
		}));
		// Where the extension does not run beside the person, its machine's settings are the remote machine's.
		writeFileSync(join(dir, "user/Machine/settings.json"), JSON.stringify({
			"codexhost.path": resolve(CODEXHOST!), "codexhost.home": join(dir, "codex-home"),
			"codexhost.approvalPolicy": "untrusted", "codexhost.sandbox": "workspace-write",
		}));
		execFileSync(process.execPath, ["scripts/package.mjs", join(dir, "codexhost.vsix")], { stdio: "ignore" });
		execFileSync(node, [entry, ...flags, "--install-extension", join(dir, "codexhost.vsix")], { env, stdio: "ignore" });
		const port = await freePort();
		url = `http://127.0.0.1:${port}/?folder=${encodeURIComponent(work)}`;
		server = spawn(node, [entry, ...flags, "--auth", "none", "--disable-telemetry", "--disable-update-check", "--disable-workspace-trust", "--bind-addr", `127.0.0.1:${port}`], { env, stdio: ["ignore", "pipe", "inherit"], detached: true });
		await listening(server);
		browser = await chromium.launch({ executablePath: browserPath, args: ["--no-sandbox", "--disable-gpu"], env: { ...env } as Record<string, string> });
		page = await browser.newPage({ viewport: { width: 1280, height: 860 } });
		page.setDefaultTimeout(WAIT_MS);
		await openEditor().catch(async (error: Error) => {
			await picture("failure");
			throw error;
		});
	}, { timeout: 120_000 });

	after(async () => {
		await browser?.close();
		if (server?.pid) {
			const gone = new Promise((done) => server.once("close", done));
			process.kill(-server.pid, "SIGTERM");
			await gone;
		}
		rmSync(dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
	});

	async function openEditor(): Promise<void> {
		await page.goto(url);
		await page.locator('.activitybar [aria-label^="Codexhost"]').first().waitFor();
		await command("Codexhost: Focus Chat");
		view = page.frameLocator("iframe.webview.ready").frameLocator("#active-frame");
		await view.locator("#prompt").waitFor();
	}

	/** A command that is contributed a moment later is not in a list that is already open. */
	async function command(name: string): Promise<void> {
		const row = page.locator(".quick-input-list .monaco-list-row", { hasText: name }).first();
		for (let tries = 8; ; tries--) {
			await page.keyboard.press("F1");
			await page.locator(".quick-input-widget input[type=text]").fill(`>${name}`);
			try {
				await row.waitFor({ timeout: 2000 });
				break;
			} catch (error) {
				if (tries === 0) throw error;
				await page.keyboard.press("Escape");
			}
		}
		await page.keyboard.press("Enter");
	}

	async function say(text: string): Promise<void> {
		await view.locator("#prompt").fill(text);
		await view.locator("#prompt").press("Enter");
	}

	const over = () => view.locator("#composer button[type=submit]", { hasText: "Send" }).waitFor();
	const turn = () => view.locator(".turn").last();
	const question = () => view.locator(".question");
	const picture = async (name: string) => {
		if (!SCREENSHOTS) return;
		mkdirSync(SCREENSHOTS, { recursive: true });
		await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`) });
	};

	afterEach(async (context) => {
		if ((context as { error?: unknown }).error) await picture(`failed-${context.name.replace(/\W+/g, "-")}`);
	});

	test("a first prompt is answered, as Markdown that can be copied", async () => {
		await say("say:Here is **code**:\n\n```js\nlet a = 1;\n```\n\n<b onclick=\"x\">raw</b> and [a link](javascript:alert(1))");
		await turn().locator(".agent .code pre").waitFor();
		await over();
		assert.equal(await turn().locator(".agent .code pre").innerText(), "let a = 1;\n");
		assert.equal(await turn().locator(".agent strong").innerText(), "code");
		assert.equal(await turn().locator(".agent a, .agent b").count(), 0);
		assert.match(await view.locator("#meter").innerText(), /tokens[\s\S]*% context left/);
		await picture("answer");
	});

	test("reasoning is folded, a plan is kept in sight", async () => {
		const plan = { plan: [{ step: "Read the tests", status: "completed" }, { step: "Fix the parser", status: "in_progress" }, { step: "Run the tests", status: "pending" }] };
		await say(`think:The parser drops the last line. ;; call:update_plan ${JSON.stringify(plan)} ;; say:The parser dropped the **last line**; the fix is in \`parse\`.`);
		await turn().locator(".agent", { hasText: "last line" }).waitFor();
		await over();
		const reasoning = turn().locator("details.reasoning");
		assert.equal(await reasoning.getAttribute("open"), null);
		await reasoning.locator("summary").click();
		await reasoning.locator(".markdown", { hasText: "drops the last line" }).waitFor();
		assert.match(await view.locator("#plan").innerText(), /Plan, 1 of 3 done[\s\S]*Fix the parser/);
		await picture("plan");
	});

	test("the sandbox and the model of the next turn are picked", async () => {
		const pick = async (label: RegExp, title: string, row: string) => {
			await view.getByRole("button", { name: label }).click();
			await page.locator(".quick-input-title", { hasText: title }).waitFor();
			await page.locator(".quick-input-widget input[type=text]").fill(row);
			await page.locator(".quick-input-list .monaco-list-row.focused", { hasText: row }).waitFor();
			await page.keyboard.press("Enter");
			await page.locator(".quick-input-widget").waitFor({ state: "hidden" });
		};
		await pick(/^Sandbox: workspace-write/, "What commands", "Read only");
		await view.getByRole("button", { name: "Sandbox: read-only" }).waitFor();
		await say("say:confined");
		await turn().locator(".agent", { hasText: "confined" }).waitFor();
		await over();
		await view.getByRole("button", { name: "Sandbox: read-only" }).waitFor();
		await pick(/^Sandbox: read-only/, "What commands", "Workspace");
		await view.getByRole("button", { name: "Sandbox: workspace-write" }).waitFor();
		await pick(/^Model: offline/, "Model of", "offline");
		await view.getByRole("button", { name: "Model: offline" }).waitFor();
	});

	test("skills and MCP servers are shown with what is wrong with them", async () => {
		for (const [name, text] of [["good", "---\nname: good\ndescription: Does good\n---\n"], ["bad", "no front matter"]] as const) {
			mkdirSync(join(work, ".agents/skills", name), { recursive: true });
			writeFileSync(join(work, ".agents/skills", name, "SKILL.md"), text);
		}
		writeFileSync(join(dir, "codex-home/config.toml"), '[mcp_servers.gone]\ncommand = "/nonexistent/server"\n');
		await command("Codexhost: Restart Host");
		await view.locator(".notice", { hasText: "runs again" }).waitFor();
		const pane = page.locator(".pane", { has: page.locator('.pane-header[aria-label^="Host"]') });
		await pane.locator(".pane-header").click();
		const row = (text: string | RegExp) => pane.locator(".monaco-list-row", { hasText: text });
		await row(/Skills/).first().click();
		await row(/bad.*missing YAML/).waitFor();
		await row(/good.*Does good/).waitFor();
		await row(/MCP servers/).first().click();
		await row(/gone/).waitFor();
		await picture("status");
		await pane.locator(".pane-header").click();
	});

	test("an answer is seen while it is written, and interrupted with Escape", async () => {
		await say("slow:700 word ");
		await turn().locator(".agent", { hasText: "word" }).waitFor();
		await view.locator("#composer button", { hasText: "Stop" }).waitFor();
		await turn().locator(".agent", { hasText: "wordword" }).waitFor();
		await view.locator("#prompt").press("Escape");
		await turn().locator(".turn-foot", { hasText: "Interrupted" }).waitFor();
	});

	test("a command asks, runs when accepted, and shows its output", async () => {
		await say("exec:echo out; touch made; exit 4 ;; say:ran");
		await question().waitFor();
		assert.match(await question().locator(".asked").innerText(), /echo out; touch made; exit 4/);
		assert.ok(!existsSync(join(work, "made")));
		await picture("approval");
		await question().getByRole("button", { name: "Run", exact: true }).click();
		await turn().locator(".tool", { hasText: "exit 4" }).waitFor();
		await over();
		assert.match(await turn().locator(".tool .output").innerText(), /out/);
		assert.ok(existsSync(join(work, "made")));
		assert.equal(await question().count(), 0);
	});

	test("a refused command does not run", async () => {
		await say("exec:touch unmade ;; say:fine");
		await question().getByRole("button", { name: "Don't run" }).click();
		await turn().locator(".tool.declined").waitFor();
		await over();
		assert.ok(!existsSync(join(work, "unmade")));
	});

	test("a file is mentioned with @", async () => {
		await view.locator("#prompt").pressSequentially("say:look at @hel");
		await view.getByRole("option", { name: /hello\.txt/ }).waitFor();
		await view.locator("#prompt").press("Tab");
		assert.equal(await view.locator("#prompt").inputValue(), "say:look at @hello.txt ");
		await view.locator("#prompt").fill("");
	});

	test("a patch opens in the editor's diff view before it is applied", async () => {
		await say("patch:*** Begin Patch\n*** Update File: hello.txt\n@@\n one\n-two\n+TWO\n three\n*** End Patch ;; say:patched");
		await question().locator(".file").click();
		await page.locator(".monaco-diff-editor").waitFor();
		await page.locator(".monaco-diff-editor .modified .view-line", { hasText: "TWO" }).waitFor();
		await page.locator(".monaco-diff-editor .original .view-line", { hasText: "two" }).waitFor();
		const end = await view.locator("#log").evaluate((log) => log.scrollHeight - log.scrollTop - log.clientHeight);
		assert.ok(end < 2, `the end of the conversation is ${end} pixels out of sight`);
		await picture("diff");
		assert.match(readFileSync(join(work, "hello.txt"), "utf8"), /two/);
		await question().getByRole("button", { name: "Apply", exact: true }).click();
		await over();
		assert.equal(readFileSync(join(work, "hello.txt"), "utf8"), "one\nTWO\nthree\n");
		await turn().getByRole("button", { name: "1 file changed" }).click();
		await page.locator(".tab.active", { hasText: "hello.txt (update)" }).waitFor();
	});

	test("the selection goes along", async () => {
		await page.keyboard.press("Control+p");
		await page.locator(".quick-input-widget input[type=text]").fill("hello.txt");
		await page.locator(".quick-input-list .monaco-list-row", { hasText: "hello.txt" }).first().waitFor();
		await page.keyboard.press("Enter");
		await page.locator(".editor-instance .view-line", { hasText: "TWO" }).first().click();
		await page.keyboard.press("Control+a");
		await command("Codexhost: Add Selection to Chat");
		await view.locator("#composer .chip", { hasText: "hello.txt:1-3" }).waitFor();
		await say("say:seen");
		await turn().locator(".user", { hasText: "TWO" }).waitFor();
		await over();
	});

	test("a thread is there again after a reload, and in the list", async () => {
		await openEditor();
		await view.locator(".turn .agent", { hasText: "patched" }).waitFor();
		await say("say:after the reload");
		await turn().locator(".agent", { hasText: "after the reload" }).waitFor();
		await over();
		await page.locator(".pane", { hasText: "Threads" }).locator(".monaco-list-row").first().waitFor();
		await picture("threads");
	});

	test("a new thread is empty, and the old one is opened from the list", async () => {
		await command("Codexhost: New Thread");
		await view.locator(".hello").waitFor();
		await say("say:second thread");
		await turn().locator(".agent", { hasText: "second thread" }).waitFor();
		await page.locator(".pane", { hasText: "Threads" }).locator(".monaco-list-row", { hasText: "Here is" }).click();
		await view.locator(".agent", { hasText: "after the reload" }).waitFor();
	});

	test("a thread is renamed and archived from the list", async () => {
		const rows = page.locator(".pane", { hasText: "Threads" }).locator(".monaco-list-row");
		const second = rows.filter({ hasText: "second thread" });
		await second.hover();
		await second.locator('[aria-label^="Rename"]').click();
		await page.locator(".quick-input-widget input[type=text]").fill("Named by hand");
		await page.keyboard.press("Enter");
		const named = rows.filter({ hasText: "Named by hand" });
		await named.hover();
		await named.locator('[aria-label^="Archive"]').click();
		await named.waitFor({ state: "detached" });
		await view.locator(".agent", { hasText: "after the reload" }).waitFor(); // the thread that is shown stays
	});

	test("a fork goes on from an earlier turn", async () => {
		const before = await view.locator(".turn").count();
		assert.ok(before > 3);
		await view.locator(".turn").first().getByRole("button", { name: "Fork from here" }).click();
		await view.locator(".turn").nth(1).waitFor({ state: "detached" });
		assert.equal(await view.locator(".turn").count(), 1);
	});

	test("a killed host is told of, started again, and the thread goes on", async () => {
		await say("stall:");
		await view.locator("#composer button", { hasText: "Stop" }).waitFor();
		const pid = hostPid();
		process.kill(pid, "SIGKILL");
		await view.locator(".notice.error", { hasText: "SIGKILL" }).waitFor();
		await view.locator(".notice.info", { hasText: "runs again" }).waitFor();
		await picture("restarted");
		await say("say:alive");
		await turn().locator(".agent", { hasText: "alive" }).waitFor();
		assert.notEqual(hostPid(), pid);
	});

	test("a broken configuration is shown as such", async () => {
		writeFileSync(join(dir, "codex-home/config.toml"), "model = [\n");
		await command("Codexhost: Restart Host");
		await view.locator(".notice.warning", { hasText: "config.toml" }).first().waitFor();
		await command("Codexhost: New Thread");
		await view.locator(".hello, .notice").first().waitFor();
		await say("say:never");
		await view.locator(".notice.error", { hasText: /config/ }).waitFor();
		assert.equal(await view.locator("#prompt").inputValue(), "say:never");
		await picture("broken-config");
	});

	function hostPid(): number {
		const pids = execFileSync("pgrep", ["-f", `^${resolve(CODEXHOST!)} app-server`], { encoding: "utf8" }).trim().split("\n").map(Number);
		const ours = pids.filter((pid) => readFileSync(`/proc/${pid}/environ`, "utf8").includes(dir));
		assert.equal(ours.length, 1, `hosts: ${ours.join(" ")}`);
		return ours[0]!;
	}
});

async function freePort(): Promise<number> {
	const server = createServer();
	await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
	const { port } = server.address() as AddressInfo;
	await new Promise((done) => server.close(done));
	return port;
}

function listening(server: ChildProcess): Promise<void> {
	return new Promise((done, fail) => {
		server.stdout!.on("data", (text: Buffer) => {
			if (String(text).includes("HTTP server listening")) done();
		});
		server.once("close", (code) => fail(new Error(`code-server ended with status ${code}`)));
	});
}
