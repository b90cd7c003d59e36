// The extension's chat in a real editor, as a person uses it.
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { FrameLocator } from "playwright-core";
import { Editor, host } from "./editor";

export class Chat {
	view!: FrameLocator;
	readonly editor: Editor;

	constructor(settings: Record<string, unknown> = {}) {
		this.editor = new Editor({ "chat.disableAIFeatures": true, "workbench.secondarySideBar.defaultVisibility": "hidden" }, ({ dir }) => ({
			"codexhost.path": host, "codexhost.home": join(dir, "codex-home"),
			"codexhost.approvalPolicy": "untrusted", "codexhost.sandbox": "workspace-write", ...settings,
		}));
	}

	configure(toml: string): void {
		mkdirSync(join(this.editor.dir, "codex-home"), { recursive: true });
		writeFileSync(join(this.editor.dir, "codex-home/config.toml"), toml);
	}

	/** Installs the package as it is. */
	async start(): Promise<void> {
		this.editor.run(`code --install-extension '${resolve(process.env.VSIX!)}'`, this.editor.dir);
		await this.editor.start();
	}

	async open(path?: string): Promise<void> {
		await this.editor.show(path);
		await this.editor.page.locator('.activitybar [aria-label^="Codexhost"]').first().waitFor();
		await this.editor.command("Codexhost: Focus Chat");
		this.view = this.editor.page.frameLocator("iframe.webview.ready").frameLocator("#active-frame");
		await this.focused();
	}

	/** What shows a thread ends with the cursor in the prompt; until then it would be taken from elsewhere. */
	focused = () => this.view.locator("#prompt:focus").waitFor();

	async say(text: string): Promise<void> {
		await this.view.locator("#prompt").fill(text);
		await this.view.locator("#prompt").press("Enter");
	}

	over = () => this.view.locator("#composer button[type=submit]", { hasText: "Send" }).waitFor();
	turn = () => this.view.locator(".turn").last();
	question = () => this.view.locator(".question");
	button = (name: string | RegExp) => this.view.getByRole("button", { name, exact: typeof name === "string" });

	/** Waits until the last turn says it, and is over. */
	async answered(text: string | RegExp): Promise<void> {
		await this.turn().locator(".agent", { hasText: text }).waitFor();
		await this.over();
	}

	/** Presses a picker below the prompt, and picks. */
	async choose(label: RegExp, title: string, row: string): Promise<void> {
		const { page } = this.editor;
		await this.button(label).click();
		await page.locator(".quick-input-title", { hasText: title }).waitFor();
		await this.editor.pick(row, row);
		await page.locator(".quick-input-widget").waitFor({ state: "hidden" });
	}

	hostPid(): number {
		const pids = execFileSync("pgrep", ["-f", `^${host} (.* )?app-server$`], { encoding: "utf8" }).trim().split("\n").map(Number);
		const ours = pids.filter((pid) => readFileSync(`/proc/${pid}/environ`, "utf8").includes(this.editor.dir));
		if (ours.length !== 1) throw new Error(`hosts: ${ours.join(" ")}`);
		return ours[0]!;
	}
}
