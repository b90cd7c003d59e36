// Puts the parts together. The host is started by the first of them that needs it.
import { basename } from "node:path";
import * as vscode from "vscode";
import type { Asked } from "./approvals";
import { Chat } from "./chat";
import { Diffs } from "./diff";
import type { HostState } from "./hoststate";
import { mention } from "./mentions";
import * as pickers from "./pickers";
import { excerpt } from "./prompt";
import type { Thread } from "./protocol.gen";
import { Session } from "./session";
import { defaults, hostOptions, place, roots } from "./settings";
import { Status } from "./status";
import { Threads, titleOf } from "./threads";

const LAST = "codexhost.lastThread";
let session: Session | undefined;

export function activate(context: vscode.ExtensionContext): void {
	const log = vscode.window.createOutputChannel("Codexhost", { log: true });
	const version = (context.extension.packageJSON as { version: string }).version;
	const chat = new Chat(context.extensionUri, Diffs.register(context));
	const mine = new Session({ host: () => hostOptions(version, (line) => log.warn(line)), place, defaults }, {
		changed(change) {
			chat.changed(change);
			if (change) return;
			void context.workspaceState.update(LAST, mine.current);
			threads.refresh();
		},
		host(state) {
			log.info(said(state));
			chat.changed();
			if (state.is === "starting") status.hostDied();
			else status.refresh();
		},
		notice(kind, text, threadId) {
			if (kind === "error") log.error(text);
			else log.info(text);
			chat.notice({ kind, text }, threadId);
		},
		asked: (question) => void announce(question),
		told(method, params) {
			if (method === "skills/changed") status.refresh();
			else if (method === "mcpServer/startupStatus/updated") status.startup(params as Parameters<Status["startup"]>[0]);
			else if (/^thread\/(started|status|name|archived|unarchived|closed)/.test(method)) threads.refresh();
		},
	});
	session = mine;
	chat.session = mine;
	const threads = new Threads(mine);
	const status = new Status(mine, (skills) => (chat.skills = skills));
	chat.readSkills = () => status.readSkills();

	/** A question of a thread that is not in sight. */
	async function announce(question: Asked): Promise<void> {
		if (question.threadId === mine.current) {
			void vscode.commands.executeCommand(`${Chat.id}.focus`, { preserveFocus: true });
			return;
		}
		const thread = mine.model.threads.get(question.threadId);
		const open = await vscode.window.showWarningMessage(`Codexhost: ${thread ? titleOf(thread) : "another thread"}: ${question.title}`, "Open");
		if (open) await mine.open(question.threadId);
	}

	const chosen = (node: unknown): Thread | undefined => (node as { thread?: Thread } | undefined)?.thread;
	const idOf = (node: unknown): string | undefined => chosen(node)?.id ?? mine.current;
	const commands: Record<string, (...args: never[]) => unknown> = {
		newThread: () => {
			mine.newThread();
			return chat.focus();
		},
		focus: () => chat.focus(),
		interrupt: () => mine.interrupt(),
		selectModel: () => pickers.selectModel(mine),
		selectEffort: () => pickers.selectEffort(mine),
		selectSandbox: () => pickers.selectSandbox(mine),
		selectApprovals: () => pickers.selectApprovals(mine),
		selectMode: () => pickers.selectMode(mine),
		compact: () => mine.thread && mine.request("thread/compact/start", { threadId: mine.thread.id }),
		addSelection: () => addSelection(chat),
		addFile: (uri?: vscode.Uri) => {
			const file = uri ?? vscode.window.activeTextEditor?.document.uri;
			return file && chat.insert(`@${mention(file.fsPath, mine.thread?.cwd ?? roots()[0])} `);
		},
		openTurnDiff: () => chat.turnDiff(mine.thread?.turns.at(-1)),
		"threads.search": async () => {
			const id = await threads.search();
			if (id) await commands["thread.open"]!({ thread: { id } } as never);
		},
		"threads.refresh": () => threads.refresh(),
		"threads.more": () => threads.more(),
		"threads.showArchived": () => showArchived(true),
		"threads.showActive": () => showArchived(false),
		"thread.open": async (node: unknown) => {
			const id = idOf(node);
			if (!id) return;
			await mine.open(id);
			await chat.focus();
		},
		"thread.fork": async (node: unknown) => {
			const id = idOf(node);
			if (!id) return;
			await mine.fork(id);
			await chat.focus();
		},
		"thread.rename": async (node: unknown) => {
			const threadId = idOf(node);
			if (!threadId) return;
			const value = chosen(node)?.name ?? mine.model.threads.get(threadId)?.name ?? "";
			const name = (await vscode.window.showInputBox({ title: "Name of the thread", value, validateInput: (text) => (text.trim() ? undefined : "A name is needed.") }))?.trim();
			if (name) await mine.request("thread/name/set", { threadId, name });
		},
		"thread.archive": async (node: unknown) => {
			const threadId = idOf(node);
			if (!threadId) return;
			await mine.request("thread/archive", { threadId });
			mine.forget(threadId);
			threads.refresh();
		},
		"thread.unarchive": async (node: unknown) => {
			const threadId = chosen(node)?.id;
			if (!threadId) return;
			await mine.request("thread/unarchive", { threadId });
			threads.refresh();
		},
		"status.refresh": async () => {
			await status.readSkills(true);
			status.refresh();
		},
		restartHost: () => mine.keeper.restart(),
		showLog: () => log.show(),
		openConfig: async () => {
			await mine.request("model/list", {});
			const { state } = mine.keeper;
			if (state.is !== "running") return;
			const file = vscode.Uri.joinPath(vscode.Uri.file(state.home), "config.toml");
			const there = await vscode.workspace.fs.stat(file).then(() => true, () => false);
			await vscode.window.showTextDocument(there ? file : file.with({ scheme: "untitled" }));
		},
	};

	async function showArchived(archived: boolean): Promise<void> {
		threads.archived = archived;
		await vscode.commands.executeCommand("setContext", "codexhost.archived", archived);
		threads.refresh();
	}

	for (const [name, run] of Object.entries(commands)) {
		context.subscriptions.push(vscode.commands.registerCommand(`codexhost.${name}`, async (...args: never[]) => {
			try {
				await run(...args);
			} catch (error) {
				void vscode.window.showErrorMessage(`Codexhost: ${(error as Error).message}`);
			}
		}));
	}
	context.subscriptions.push(
		log,
		vscode.window.registerWebviewViewProvider(Chat.id, chat, { webviewOptions: { retainContextWhenHidden: true } }),
		vscode.window.createTreeView("codexhost.threads", { treeDataProvider: threads }),
		vscode.window.createTreeView("codexhost.status", { treeDataProvider: status }),
		vscode.workspace.onDidChangeConfiguration(async (event) => {
			const names = ["path", "home", "arguments"];
			if (!names.some((name) => event.affectsConfiguration(`codexhost.${name}`)) || mine.keeper.state.is === "stopped") return;
			if (await vscode.window.showInformationMessage("Codexhost: the settings of the host have changed.", "Restart Host")) await commands["restartHost"]!();
		}),
		vscode.workspace.onDidChangeWorkspaceFolders(() => threads.refresh()),
	);
	const last = context.workspaceState.get<string>(LAST);
	if (last) {
		mine.open(last).catch((error: Error) => {
			log.info(`the last thread was not opened again: ${error.message}`);
			mine.newThread();
		});
	}
}

async function addSelection(chat: Chat): Promise<void> {
	const editor = vscode.window.activeTextEditor;
	if (!editor) return;
	const { document, selection } = editor;
	const range = selection.isEmpty ? document.lineAt(selection.active.line).range : selection;
	const file = document.uri.scheme === "file" ? vscode.workspace.asRelativePath(document.uri, roots().length > 1) : basename(document.uri.path);
	const lastLine = range.end.character === 0 && range.end.line > range.start.line ? range.end.line : range.end.line + 1;
	await chat.attach(excerpt(file, document.languageId, range.start.line + 1, lastLine, document.getText(range).replace(/\r?\n$/, "")));
}

function said(state: HostState): string {
	switch (state.is) {
		case "running":
			return `the host runs as process ${state.pid}: ${state.userAgent}, ${state.home}`;
		case "failed":
			return `the host does not run: ${state.reason}`;
		default:
			return `the host is ${state.is}`;
	}
}

export async function deactivate(): Promise<void> {
	await session?.dispose();
}
