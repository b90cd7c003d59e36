// A real editor for tests: code-server from the folder $CODE_SERVER, driven in the Chromium that $CHROMIUM or PATH names,
// against the host that $CODEXHOST names. Pictures go to the folder $SCREENSHOTS.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { test } from "node:test";
import { type Browser, chromium, type Locator, type Page } from "playwright-core";

const { CODEXHOST, CODE_SERVER, SCREENSHOTS } = process.env;
// What is waited for comes within a second; a machine that does eight other things takes longer.
const WAIT_MS = 60_000;
const START_MS = 300_000;

const browserPath = process.env.CHROMIUM || ["chromium", "chromium-browser", "google-chrome"]
	.flatMap((name) => (process.env.PATH ?? "").split(delimiter).map((dir) => join(dir, name))).find(existsSync);
const code = resolve(CODE_SERVER ?? "", "node_modules/code-server");
const entry = join(code, "out/node/entry.js");
const node = resolve(CODE_SERVER ?? "", "../node_modules/node/bin/node");

export const host = resolve(CODEXHOST ?? "");
/** Why there is no editor, or false. */
export const lacking = !CODEXHOST ? "CODEXHOST does not name a host" : !CODE_SERVER || !existsSync(entry) ? "CODE_SERVER does not name a folder with code-server"
	: !browserPath ? "no Chromium is installed (Debian: chromium)" : false;
/** Whether the editor's own agents can run: their database is a native module. */
export const agents = existsSync(join(code, "lib/vscode/node_modules/@vscode/sqlite3/build/Release/vscode-sqlite3.node"));

const QUIET = {
	"workbench.startupEditor": "none", "workbench.tips.enabled": false, "telemetry.telemetryLevel": "off", "git.enabled": false,
	"security.workspace.trust.enabled": false, "extensions.autoUpdate": false, "remote.autoForwardPorts": false,
};

export class Editor {
	readonly dir = mkdtempSync(join(tmpdir(), "codexhost-editor-"));
	readonly work = join(this.dir, "work");
	page!: Page;
	private readonly env: NodeJS.ProcessEnv;
	private server: ChildProcess | undefined;
	private browser: Browser | undefined;
	private address = "";
	private failed = false;

	/** Settings of the person; what a machine decides is the remote machine's where the extension does not run beside the person. */
	constructor(private readonly user: Record<string, unknown>, machine: (editor: Editor) => Record<string, unknown>, env: (editor: Editor) => NodeJS.ProcessEnv = () => ({})) {
		this.env = { PATH: process.env.PATH, HOME: join(this.dir, "home"), LANG: "C.UTF-8", ...env(this) };
		for (const one of ["work", "home", "user/User", "user/Machine"]) mkdirSync(join(this.dir, one), { recursive: true });
		this.prefer({});
		writeFileSync(join(this.dir, "user/Machine/settings.json"), JSON.stringify(machine(this)));
	}

	/** Changes settings of the person, also while the editor runs. */
	prefer(settings: Record<string, unknown>): void {
		writeFileSync(join(this.dir, "user/User/settings.json"), JSON.stringify({ ...QUIET, ...this.user, ...settings }));
	}

	private get flags(): string[] {
		return ["--user-data-dir", join(this.dir, "user"), "--extensions-dir", join(this.dir, "extensions")];
	}

	/** Runs shell lines in which `code` is this editor. */
	run(lines: string, cwd: string): void {
		const words = [node, entry, ...this.flags].map((word) => `'${word}'`).join(" ");
		try {
			execFileSync("bash", ["-c", `set -eu\ncode() { ${words} "$@"; }\n${lines}`], { cwd, env: { ...process.env, ...this.env }, stdio: "pipe", encoding: "utf8" });
		} catch (error) {
			const { stdout, stderr } = error as { stdout: string; stderr: string };
			throw new Error(`${lines}\n${stdout}${stderr}`);
		}
	}

	async start(): Promise<void> {
		const port = await freePort();
		this.address = `http://127.0.0.1:${port}/`;
		const log = openSync(join(this.dir, "server.log"), "w");
		this.server = spawn(node, [entry, ...this.flags, "--auth", "none", "--disable-telemetry", "--disable-update-check", "--disable-workspace-trust", "--bind-addr", `127.0.0.1:${port}`],
			{ env: this.env, stdio: ["ignore", log, log], detached: true });
		closeSync(log);
		this.browser = await chromium.launch({ executablePath: browserPath, args: ["--no-sandbox", "--disable-gpu"], env: { ...this.env } as Record<string, string>, timeout: START_MS });
		await answering(this.address, this.server);
		const context = await this.browser.newContext({ viewport: { width: 1280, height: 860 }, permissions: ["clipboard-read", "clipboard-write"] });
		this.page = await context.newPage();
		this.page.setDefaultTimeout(WAIT_MS);
	}

	/** Shows a folder or a .code-workspace, in the same page. */
	async show(path = this.work): Promise<void> {
		const what = path.endsWith(".code-workspace") ? "workspace" : "folder";
		await this.page.goto(`${this.address}?${what}=${encodeURIComponent(path)}`, { timeout: START_MS });
		await this.page.locator(".monaco-workbench .activitybar").waitFor({ timeout: START_MS });
	}

	command(name: string): Promise<void> {
		return this.quick("F1", `>${name}`, name);
	}

	/** Opens a file of the workspace. */
	async file(name: string, within = WAIT_MS): Promise<void> {
		await this.quick("Control+p", name, name, within);
		await this.page.locator(".tab.active", { hasText: name }).waitFor();
		await this.page.locator(".editor-instance .view-line").first().waitFor();
	}

	/** What is known a moment later, a command or a file, is not in a list that is already open. */
	private async quick(key: string, text: string, name: string, within = WAIT_MS): Promise<void> {
		const row = this.page.locator(".quick-input-list .monaco-list-row", { hasText: name }).first();
		for (const until = Date.now() + within; ;) {
			await this.page.keyboard.press(key);
			await this.page.locator(".quick-input-widget input[type=text]").fill(text);
			try {
				await row.waitFor({ timeout: 3000 });
				break;
			} catch (error) {
				if (Date.now() > until) throw error;
				await this.page.keyboard.press("Escape");
			}
		}
		await this.page.keyboard.press("Enter");
	}

	/** Writes into the quick input that is open, and takes the row with that text, or what was written. */
	async pick(text: string, row?: string): Promise<void> {
		await this.page.locator(".quick-input-widget input[type=text]").fill(text);
		if (row !== undefined) await this.page.locator(".quick-input-list .monaco-list-row.focused", { hasText: row }).waitFor();
		await this.page.keyboard.press("Enter");
	}

	rows(pane: string): Locator {
		return this.page.locator(".pane", { has: this.page.locator(`.pane-header[aria-label^="${pane}"]`) }).locator(".monaco-list-row");
	}

	/** A step that the next ones build on: after one that failed they are skipped, and there is a picture of what was there. */
	step(name: string, run: () => Promise<void>, options: { skip?: string | false } = {}): void {
		void test(name, { ...options, timeout: START_MS }, async (context) => {
			if (this.failed) return context.skip("an earlier step failed");
			try {
				await run();
			} catch (error) {
				this.failed = true;
				throw await this.pictured(error as Error, name);
			}
		});
	}

	/** What went wrong, in one message. */
	async pictured(error: Error, name: string): Promise<Error> {
		const picture = await this.picture(`failed: ${name}`.replace(/\W+/g, "-"), tmpdir()).catch((reason: Error) => `none, ${reason.message}`);
		const log = readFileSync(join(this.dir, "server.log"), "utf8").split("\n").filter((line) => /^\[\d/.test(line)).slice(-6).join("\n");
		const all = new Error(`${error.message}\npicture: ${picture}\nthe editor's log ends with:\n${log}`);
		all.stack = [all.message, ...error.stack!.split("\n").filter((line) => /^ +at .*test\.ts/.test(line))].join("\n");
		return all;
	}

	async picture(name: string, otherwise?: string): Promise<string | undefined> {
		const folder = SCREENSHOTS ? resolve(SCREENSHOTS) : otherwise;
		if (!folder || !this.page) return undefined;
		mkdirSync(folder, { recursive: true });
		const path = join(folder, `${name}.png`);
		await this.page.screenshot({ path });
		return path;
	}

	async close(): Promise<void> {
		await this.browser?.close();
		if (this.server?.pid && this.server.exitCode === null && this.server.signalCode === null) {
			const gone = new Promise((done) => this.server!.once("close", done));
			process.kill(-this.server.pid, "SIGTERM");
			const timer = setTimeout(() => process.kill(-this.server!.pid!, "SIGKILL"), 20_000);
			await gone;
			clearTimeout(timer);
		}
		rmSync(this.dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 200 });
	}
}

async function freePort(): Promise<number> {
	const server = createServer();
	await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
	const { port } = server.address() as AddressInfo;
	await new Promise((done) => server.close(done));
	return port;
}

async function answering(address: string, server: ChildProcess): Promise<void> {
	for (const until = Date.now() + START_MS; ;) {
		if (server.exitCode !== null) throw new Error(`code-server ended with status ${server.exitCode}`);
		try {
			if ((await fetch(`${address}healthz`)).ok) return;
		} catch (error) {
			if (Date.now() > until) throw error;
		}
		await new Promise((done) => setTimeout(done, 200));
	}
}
