// Stock VS Code, with no extension of ours: its built-in agent client, whose Codex agent runs the binary that it is given.
// Its chat insists on the provider "openai", so a model behind the Responses API answers.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe } from "node:test";
import { agents, Editor, host, lacking } from "./editor";
import { Responses } from "./responses";

const skip = lacking || (!agents && "VS Code's own agents need a module that was not built") || ((process.platform !== "linux" || process.arch !== "x64") && "the folder of the client's binary is that of Linux on x64");

describe("VS Code's own agent client", { skip }, () => {
	const model = new Responses();
	const editor = new Editor(
		{ "chat.agentHost.enabled": true, "chat.agentHost.codexAgent.enabled": true, "chat.editor.codex.preferAgentHost": true, "chat.agentHost.allowSignedOutWhenUsable": true },
		() => ({}),
		({ dir }) => ({ CODEX_HOME: join(dir, "codex-home"), VSCODE_AGENT_HOST_CODEX_SDK_ROOT: join(dir, "home/codexhost/sdk"), VSCODE_AGENT_HOST_CODEX_AGENT_ENABLED: "true" }),
	);
	const chat = () => editor.page.locator('[id="workbench.panel.chat"]');
	const answer = (text: string | RegExp) => chat().locator(".interactive-response", { hasText: text }).last().waitFor();
	const press = (name: RegExp) => chat().locator(".monaco-button:visible", { hasText: name }).first().click();
	after(async () => {
		await editor.close();
		await model.close();
	});

	async function say(text: string): Promise<void> {
		await chat().getByRole("textbox", { name: "Chat Input" }).focus();
		await editor.page.keyboard.type(text);
		await chat().locator("a.codicon-arrow-up-compact:not(.disabled)").click();
		await chat().locator(".interactive-request", { hasText: text }).waitFor();
	}

	editor.step("offers its Codex agent", async () => {
		const commands = /## Without it.*?```sh\n.*?(mkdir.*?)```/s.exec(readFileSync("README.md", "utf8"))![1]!;
		const [clone, bin] = [join(editor.dir, "home/codexhost"), join(editor.dir, "home/codexhost/bin")];
		for (const one of [bin, join(editor.dir, "codex-home")]) mkdirSync(one, { recursive: true });
		symlinkSync(host, join(bin, "codexhost"));
		editor.run(commands, clone);
		writeFileSync(join(editor.dir, "codex-home/config.toml"), `openai_base_url = "${await model.listen()}"\n`);
		await editor.start();
		await editor.show();
		// The agents are told to the window some time after it is there, and a list that is open does not grow.
		const row = editor.page.locator(".action-widget .monaco-list-row", { hasText: "Codex" });
		for (let tries = 30; ; tries--) {
			await chat().locator("a.action-label:visible", { hasText: /^Local$/ }).click();
			try {
				await row.click({ timeout: 2000 });
				break;
			} catch (error) {
				if (tries === 0) throw error;
				await editor.page.keyboard.press("Escape");
			}
		}
		await chat().locator("a.action-label:visible", { hasText: /^Codex$/ }).waitFor();
	});

	editor.step("runs a prompt", async () => {
		await say("say Hello from the host");
		await answer("Hello from the host");
		const sessions = join(editor.dir, "codex-home/sessions");
		const rollout = readdirSync(sessions, { recursive: true, encoding: "utf8" }).find((name) => name.endsWith(".jsonl"))!;
		assert.match(readFileSync(join(sessions, rollout), "utf8"), /"originator":"vscode_agent_host"/);
	});

	editor.step("runs a tool, in the sandbox", async () => {
		await say("run echo made with tools");
		await answer(/It said: .*made with tools/);
		await answer(/Ran echo made with tools/);
	});

	editor.step("asks before a command leaves the sandbox", async () => {
		await say("ask touch asked-for; echo left");
		await chat().getByText("Only the user can say").filter({ visible: true }).first().waitFor();
		assert.ok(!existsSync(join(editor.work, "asked-for")));
		await editor.picture("stock-approval");
		await press(/^Allow/);
		await answer(/It said: .*left/);
		assert.ok(existsSync(join(editor.work, "asked-for")));
	});

	editor.step("takes no for an answer", async () => {
		await say("ask touch refused");
		await press(/^Skip/);
		await chat().locator("a.codicon-stop-circle").waitFor({ state: "hidden" });
		assert.ok(!existsSync(join(editor.work, "refused")));
		await say("say still here");
		await answer("still here");
	});
});
