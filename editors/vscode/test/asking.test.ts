// What a person gives to the agent and is asked by it, in a real editor: mentions, selections, images, forms, several
// folders; with the keyboard alone, and as a screen reader finds it.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { after, describe } from "node:test";
import { accessible } from "./accessible";
import { Chat } from "./chat";
import { lacking } from "./editor";

const PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const ARGUMENTS = ["-c", "check_for_update_on_startup=false"];
const PARSER = `def lines(text):
    found = text.split("\\n")
    found.pop()
    return found
`;
const PATCH = `*** Begin Patch
*** Update File: parse.py
@@
     found = text.split("\\n")
-    found.pop()
-    return found
+    return found[:-1] if found[-1] == "" else found
*** End Patch
`;
const plan = (...done: string[]) => JSON.stringify({ plan: ["Read the parser", "Keep the last line", "Say what was done"].map((step, i) => ({ step, status: done[i] ?? "pending" })) });
const SKILL = `---
name: fix-parser
description: Repairs the parser of lines
---
\`\`\`offline
think:The function drops the last element, whether the text ends with a newline or not.
call:update_plan ${plan("in_progress")}
exec:wc -l parse.py
call:update_plan ${plan("completed", "in_progress")}
patchraw:${JSON.stringify(PATCH)}
call:update_plan ${plan("completed", "completed", "completed")}
say:\`lines\` now keeps the last line: only an **empty** one at the end is dropped. See [parse.py](parse.py:3).
\`\`\`
`;

describe("between the person and the agent", { skip: lacking }, () => {
	const chat = new Chat({ "codexhost.arguments": ARGUMENTS });
	const { editor, over, turn, question } = chat;
	const { work } = editor;
	const say = chat.say.bind(chat);
	const field = (name: string) => question().getByLabel(name, { exact: true });
	after(() => editor.close());

	editor.step("the package is installed", async () => {
		mkdirSync(join(work, ".agents/skills/fix-parser"), { recursive: true });
		writeFileSync(join(work, ".agents/skills/fix-parser/SKILL.md"), SKILL);
		writeFileSync(join(work, "parse.py"), PARSER);
		writeFileSync(join(work, "hello.txt"), "one\ntwo\nthree\n");
		chat.configure(`[mcp_servers.asking]\ncommand = ${JSON.stringify(process.execPath)}\nargs = [${JSON.stringify(resolve("test/asking.mjs"))}]\n`);
		await chat.start();
		await chat.open();
		await accessible(chat.view, "an empty chat");
	});

	editor.step("a skill is named with $, and does its work under the eyes of the person", async () => {
		const { page } = editor;
		await page.mouse.move(349, 430); // the side bar's edge
		await page.mouse.down();
		await page.mouse.move(500, 430, { steps: 4 });
		await page.mouse.up();
		await chat.view.locator("#prompt").pressSequentially("Some files lose their last line. Please $fix");
		await chat.view.getByRole("option", { name: /fix-parser/ }).waitFor();
		await chat.view.locator("#prompt").press("Tab");
		await chat.view.locator("#prompt").press("Enter");
		await question().filter({ hasText: "wc -l" }).waitFor();
		await chat.button("Run").click();
		await question().locator(".file").click();
		await page.locator(".monaco-diff-editor .modified .view-line", { hasText: "found[:-1]" }).waitFor();
		await editor.picture("patch");
		await chat.button("Apply").click();
		await chat.answered("keeps the last line");
		assert.match(readFileSync(join(work, "parse.py"), "utf8"), /found\[:-1\]/);
		const pid = chat.hostPid();
		assert.deepEqual(readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").slice(1, -1), [...ARGUMENTS, "app-server"]);
		process.kill(pid, "SIGKILL");
		await chat.view.locator(".notice.info", { hasText: "runs again" }).waitFor();
		await editor.picture("restarted");
	});

	editor.step("a file is mentioned with @", async () => {
		await chat.view.locator("#prompt").pressSequentially("say:look at @hel");
		await chat.view.getByRole("option", { name: /hello\.txt/ }).waitFor();
		await accessible(chat.view, "suggestions");
		await chat.view.locator("#prompt").press("Tab");
		assert.equal(await chat.view.locator("#prompt").inputValue(), "say:look at @hello.txt ");
		await chat.view.locator("#prompt").press("Enter");
		await chat.answered("look at @hello.txt");
	});

	editor.step("the selection goes along", async () => {
		const { page } = editor;
		await editor.file("hello.txt");
		await page.locator(".editor-instance .view-line", { hasText: "two" }).first().click();
		await page.keyboard.press("Control+a");
		await editor.command("Codexhost: Add Selection to Chat");
		await chat.view.locator("#composer .chip", { hasText: "hello.txt:1-3" }).waitFor();
		await say("say:seen");
		await turn().locator(".user", { hasText: "two" }).waitFor();
		await over();
	});

	editor.step("an image is pasted", async () => {
		await editor.page.evaluate(`(async () => {
			const bytes = Uint8Array.from(atob("${PIXEL}"), (one) => one.charCodeAt(0));
			await navigator.clipboard.write([new ClipboardItem({ "image/png": new Blob([bytes], { type: "image/png" }) })]);
		})()`);
		await chat.view.locator("#prompt").focus();
		await editor.page.keyboard.press("Control+v");
		await chat.view.locator("#composer .chip", { hasText: "image" }).waitFor();
		await say("say:a picture");
		await chat.answered("a picture");
		assert.match((await turn().locator(".user img").getAttribute("src"))!, /^data:image\/png;base64,iVBOR/);
		await chat.view.locator("#composer .chip").waitFor({ state: "detached" });
	});

	editor.step("a command is approved with the keyboard alone", async () => {
		await say("exec:touch by-keyboard ;; say:done");
		await question().waitFor();
		await accessible(chat.view, "an approval");
		await chat.view.locator("#prompt").focus();
		const run = chat.view.locator("button:focus", { hasText: /^Run$/ });
		for (let tabs = 0; (await run.count()) === 0; tabs++) {
			assert.ok(tabs < 12, "Run is not reached with Shift+Tab");
			await editor.page.keyboard.press("Shift+Tab");
		}
		await editor.page.keyboard.press("Enter");
		await chat.answered("done");
		assert.ok(existsSync(join(work, "by-keyboard")));
	});

	editor.step("a tool of an MCP server asks before it runs, and its form is answered", async () => {
		await say("mcp:asking/form {}");
		await question().filter({ hasText: "Run a tool of asking?" }).waitFor();
		await chat.button("Run").click();
		await question().filter({ hasText: "Who are you?" }).waitFor();
		await chat.button("Send").click(); // the name is missing
		assert.equal(await field("Your name").evaluate((box) => box.matches(":invalid")), true);
		await field("Your name").fill("Ada");
		await field("Age").fill("36");
		await field("Large").check();
		await field("Send news").uncheck();
		await accessible(chat.view, "a form");
		await editor.picture("form");
		await chat.button("Send").click();
		await turn().locator(".tool", { hasText: "asking / form" }).waitFor();
		await over();
		await turn().locator("details.out summary").click();
		const told = /told (\{.*\})/.exec((await turn().locator(".output").innerText()))![1]!;
		assert.deepEqual(JSON.parse(told), { action: "accept", content: { name: "Ada", age: 36, size: "l", news: false } });
	});

	editor.step("an address is shown before it is opened, and declined", async () => {
		await say("mcp:asking/url {}");
		await chat.button("Run").click();
		await question().filter({ hasText: "Sign in to go on." }).waitFor();
		assert.equal(await question().getByRole("link").innerText(), "https://example.invalid/sign-in");
		await chat.button("Decline").click();
		await over();
		await turn().locator("details.out summary").click();
		assert.match(await turn().locator(".output").innerText(), /told \{"action":"decline"/);
	});

	editor.step("in plan mode the agent asks questions", async () => {
		await chat.choose(/^Mode: act/, "What the agent is for", "Plan");
		await chat.button("Mode: plan").waitFor();
		const questions = [
			{ id: "colour", header: "Colour", question: "Which colour?", options: [{ label: "Red", description: "warm" }, { label: "Blue", description: "cold" }] },
			{ id: "size", header: "Size", question: "How large?", options: [{ label: "Small", description: "" }, { label: "Large", description: "" }] },
		];
		await say(`call:request_user_input ${JSON.stringify({ questions })}`);
		await question().filter({ hasText: "Which colour?" }).waitFor();
		await question().getByLabel("Blue").check();
		await question().getByLabel("How large?: something else").fill("Huge");
		await accessible(chat.view, "questions");
		await editor.picture("questions");
		await chat.button("Answer").click();
		await chat.answered(/done: .*"colour":.*Blue.*"size":.*Huge/);
		await chat.choose(/^Mode: plan/, "What the agent is for", "Act");
	});

	for (const theme of ["Dark Modern", "Default High Contrast"]) {
		editor.step(`the theme ${theme} is followed`, async () => {
			const background = () => chat.view.locator("body").evaluate((body) => body.ownerDocument.defaultView!.getComputedStyle(body).backgroundColor);
			const before = await background();
			editor.prefer({ "workbench.colorTheme": theme });
			await chat.open();
			await chat.view.locator(".turn").first().waitFor();
			assert.notEqual(await background(), before);
			await accessible(chat.view, theme);
			await editor.picture(theme.toLowerCase().replaceAll(" ", "-"));
		});
	}

	editor.step("with several folders a thread works in that of the file at hand, and may use the others", async () => {
		const dir = realpathSync(editor.dir);
		const workspace = join(dir, "both.code-workspace");
		for (const name of ["first", "second"]) {
			mkdirSync(join(dir, name));
			writeFileSync(join(dir, name, `${name}.txt`), `${name}\n`);
		}
		writeFileSync(workspace, JSON.stringify({ folders: [{ path: "first" }, { path: "second" }] }));
		// A slow server's window may come up before it could read which folders there are, and stay without them.
		for (let tries = 5; ; tries--) {
			await chat.open(workspace);
			const found = await editor.file("second.txt", 10_000).then(() => true, (error: Error) => {
				if (tries === 0) throw error;
				return false;
			});
			if (found) break;
		}
		await editor.command("Codexhost: Focus Chat");
		await chat.focused();

		await say("exec:pwd; touch ../first/made && echo wrote ;; say:ok");
		await question().locator("p", { hasText: `in ${join(dir, "second")}` }).waitFor();
		await chat.button("Run").click();
		await chat.answered("ok");
		assert.match(await turn().locator(".output").innerText(), new RegExp(`${join(dir, "second")}\\s+wrote`));
		assert.ok(existsSync(join(dir, "first/made")));

		await chat.view.locator("#prompt").pressSequentially("say:see @first.t");
		await chat.view.getByRole("option", { name: /first\.txt/ }).waitFor();
		await chat.view.locator("#prompt").press("Tab");
		assert.equal(await chat.view.locator("#prompt").inputValue(), `say:see @${join(dir, "first/first.txt")} `);
		await chat.view.locator("#prompt").fill("");
		assert.equal(readFileSync(join(dir, "first/first.txt"), "utf8"), "first\n");
	});
});
