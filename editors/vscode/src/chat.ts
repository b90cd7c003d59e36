// The chat view: brings the session to the webview, and what a person does there to the session.
import { randomBytes } from "node:crypto";
import * as path from "node:path";
import * as vscode from "vscode";
import type { Diffs } from "./diff";
import type { Attachment, Bar, FromView, Notice, ToView, TurnHead } from "./messages";
import { suggestions } from "./mentions";
import { type Change, contextLeft, type Entry, type TurnState } from "./model";
import { inputOf } from "./prompt";
import type { FileUpdateChange, SkillMetadata } from "./protocol.gen";
import { modeOf, type Session } from "./session";
import { defaults, roots } from "./settings";

// Streams are drawn at most this often.
const FRAME_MS = 33;

export class Chat implements vscode.WebviewViewProvider {
	static readonly id = "codexhost.chat";
	session!: Session;
	skills: SkillMetadata[] = [];
	/** Has the skills above read anew. */
	readSkills!: () => Promise<unknown>;
	private view: vscode.WebviewView | undefined;
	private ready = false;
	private pending: ToView[] = [];
	private readonly notices = new Map<string | undefined, Notice[]>();
	private readonly turns = new Set<TurnState>();
	private readonly entries = new Set<Entry>();
	private timer: NodeJS.Timeout | undefined;
	private shown: string | undefined;

	constructor(private readonly extension: vscode.Uri, private readonly diffs: Diffs) {}

	resolveWebviewView(view: vscode.WebviewView): void {
		this.view = view;
		this.ready = false;
		const dist = vscode.Uri.joinPath(this.extension, "dist");
		view.webview.options = { enableScripts: true, localResourceRoots: [dist] };
		view.webview.html = page(view.webview, dist);
		view.webview.onDidReceiveMessage((message: FromView) => this.receive(message).catch((error: Error) => {
			void vscode.window.showErrorMessage(`Codexhost: ${error.message}`);
		}));
		view.onDidDispose(() => {
			this.view = undefined;
			this.ready = false;
		});
		this.badge();
	}

	private post(message: ToView): void {
		if (this.ready) void this.view?.webview.postMessage(message);
		else if (message.type === "attach" || message.type === "insert" || message.type === "focus") this.pending.push(message);
	}

	changed(change?: Change): void {
		if (change && change.threadId !== this.session.current) return;
		if (this.shown !== this.session.current || (change && !change.turn && !change.entry && this.stale())) {
			this.reset();
			return;
		}
		if (change?.turn) this.turns.add(change.turn);
		if (change?.entry) this.entries.add(change.entry);
		this.timer ??= setTimeout(() => this.flush(), FRAME_MS);
	}

	/** The thread was loaded anew: its turns are other objects. */
	private stale(): boolean {
		return this.session.thread?.turns !== this.drawn;
	}

	private drawn: TurnState[] | undefined;

	private flush(): void {
		this.timer = undefined;
		this.post({ type: "update", turns: [...this.turns].map(head), entries: [...this.entries], bar: this.bar() });
		this.turns.clear();
		this.entries.clear();
		this.badge();
	}

	reset(): void {
		clearTimeout(this.timer);
		this.timer = undefined;
		this.turns.clear();
		this.entries.clear();
		this.shown = this.session.current;
		const turns = this.session.thread?.turns;
		this.drawn = turns;
		this.post({
			type: "reset", bar: this.bar(), notices: this.notices.get(this.shown) ?? [],
			turns: (turns ?? []).map((turn) => ({ head: head(turn), entries: turn.entries })),
		});
		this.badge();
	}

	notice(notice: Notice, threadId: string | undefined): void {
		const list = this.notices.get(threadId) ?? [];
		list.push(notice);
		this.notices.set(threadId, list.slice(-20));
		if (threadId === undefined || threadId === this.session.current) this.post({ type: "notice", notice });
	}

	private bar(): Bar {
		const { thread, chosen } = this.session;
		const wish = thread ? chosen : { ...defaults(), ...chosen };
		const approvals = wish.approvalPolicy ?? thread?.settings?.approvalPolicy;
		return {
			threadId: this.session.current, busy: this.session.busy, host: this.session.keeper.state,
			title: thread ? thread.name || thread.preview.split("\n")[0]!.slice(0, 60) || "New thread" : "New thread",
			folder: thread?.cwd ?? roots()[0] ?? "",
			model: wish.model ?? thread?.settings?.model ?? "model",
			effort: wish.effort ?? thread?.settings?.effort ?? "effort",
			sandbox: wish.sandbox ?? modeOf(thread?.settings?.sandbox) ?? "sandbox",
			approvals: approvals === undefined ? "asks" : typeof approvals === "string" ? approvals : "granular",
			mode: (wish.mode ?? thread?.settings?.mode) === "plan" ? "plan" : "act",
			tokens: thread?.usage?.total.totalTokens, contextLeft: contextLeft(thread?.usage), plan: thread?.plan,
			questions: this.session.questions(this.session.current),
		};
	}

	private badge(): void {
		const count = this.session.questions(this.session.current).length;
		if (this.view) this.view.badge = count > 0 ? { value: count, tooltip: "Waiting for you" } : undefined;
		void vscode.commands.executeCommand("setContext", "codexhost.busy", this.session.busy);
	}

	async focus(): Promise<void> {
		await vscode.commands.executeCommand(`${Chat.id}.focus`);
		this.post({ type: "focus" });
	}

	async attach(attachment: Attachment): Promise<void> {
		await vscode.commands.executeCommand(`${Chat.id}.focus`);
		this.post({ type: "attach", attachment });
	}

	async insert(text: string): Promise<void> {
		await vscode.commands.executeCommand(`${Chat.id}.focus`);
		this.post({ type: "insert", text });
	}

	private async receive(message: FromView): Promise<void> {
		switch (message.type) {
			case "ready":
				this.ready = true;
				this.reset();
				for (const one of this.pending.splice(0)) this.post(one);
				return;
			case "send":
				return this.send(message.text, message.attachments);
			case "interrupt":
				return this.session.interrupt();
			case "answer":
				return this.session.answer(message.key, message.choice, message.values);
			case "suggest":
				return this.suggest(message.query);
			case "copy":
				return vscode.env.clipboard.writeText(message.text);
			case "insertCode":
				return insertCode(message.text);
			case "diff":
				return this.diff(message.itemId, message.index);
			case "turnDiff":
				return this.turnDiff(this.session.thread?.turns.find((turn) => turn.id === message.turnId));
			case "fork":
				await this.session.fork(this.session.current!, message.turnId);
				return this.focus();
			case "link":
				return this.follow(message.href);
			case "command":
				if (message.command === "openSettings") await vscode.commands.executeCommand("workbench.action.openSettings", "codexhost");
				else await vscode.commands.executeCommand(`codexhost.${message.command}`);
		}
	}

	private async send(text: string, attachments: Attachment[]): Promise<void> {
		try {
			await this.session.send(inputOf(text, attachments, this.skills));
			this.post({ type: "sent" });
		} catch (error) {
			this.notice({ kind: "error", text: (error as Error).message }, this.session.current);
			this.post({ type: "unsent", reason: (error as Error).message });
		}
	}

	private async suggest(query: string): Promise<void> {
		const cwd = this.session.thread?.cwd ?? roots()[0];
		if (query === "$" || (query.startsWith("$") && this.skills.length === 0)) await this.readSkills();
		const list = await suggestions(this.session, query, roots(), cwd, this.skills);
		this.post({ type: "suggestions", query, list });
	}

	private async diff(itemId: string, index: number): Promise<void> {
		const item = this.session.current ? this.session.model.entry(this.session.current, itemId)?.item : undefined;
		if (item?.type === "fileChange" && item.changes[index]) await this.diffs.show(item.changes[index]);
	}

	async turnDiff(turn: TurnState | undefined): Promise<void> {
		const changes = turn ? changesOf(turn) : [];
		if (changes.length === 0) void vscode.window.showInformationMessage("Codexhost: the turn changed no files.");
		else await this.diffs.showAll("Changes of the turn", changes);
	}

	private async follow(href: string): Promise<void> {
		if (/^(https?|mailto):/i.test(href)) {
			await vscode.env.openExternal(vscode.Uri.parse(href, true));
			return;
		}
		const [, file, line] = /^(?:file:\/\/)?(.*?)(?:[:#]L?(\d+)(?:[:-].*)?)?$/.exec(href)!;
		const base = this.session.thread?.cwd ?? roots()[0] ?? "/";
		const at = new vscode.Position(line ? Number(line) - 1 : 0, 0);
		await vscode.window.showTextDocument(vscode.Uri.file(path.resolve(base, file!)), { selection: new vscode.Range(at, at) });
	}
}

/** What was really changed; a file that was changed twice is shown with its last change. */
function changesOf(turn: TurnState): FileUpdateChange[] {
	const changes = new Map<string, FileUpdateChange>();
	for (const { item } of turn.entries) {
		if (item.type !== "fileChange" || item.status !== "completed") continue;
		for (const change of item.changes) changes.set(change.path, change);
	}
	return [...changes.values()];
}

function head(turn: TurnState): TurnHead {
	const { entries: _, diff: __, ...rest } = turn;
	return { ...rest, changedFiles: changesOf(turn).length };
}

async function insertCode(text: string): Promise<void> {
	const editor = vscode.window.activeTextEditor ?? vscode.window.visibleTextEditors[0];
	if (!editor) {
		await vscode.window.showTextDocument(await vscode.workspace.openTextDocument({ content: text }));
		return;
	}
	await editor.edit((edit) => editor.selections.forEach((selection) => edit.replace(selection, text)));
}

function page(webview: vscode.Webview, dist: vscode.Uri): string {
	const nonce = randomBytes(16).toString("base64url");
	const script = webview.asWebviewUri(vscode.Uri.joinPath(dist, "view.js")).toString();
	const style = webview.asWebviewUri(vscode.Uri.joinPath(dist, "view.css")).toString();
	const policy = `default-src 'none'; style-src ${webview.cspSource}; img-src data:; script-src 'nonce-${nonce}'`;
	return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width">
<link rel="stylesheet" href="${style}">
<title>Codexhost</title>
</head>
<body><script nonce="${nonce}" src="${script}"></script></body>
</html>`;
}
