// The list of stored threads of this workspace, newest first.
import * as vscode from "vscode";
import type { Thread } from "./protocol.gen";
import type { Session } from "./session";
import { roots } from "./settings";

const PAGE = 50;

type Node = { thread: Thread } | { more: true };

export class Threads implements vscode.TreeDataProvider<Node> {
	private readonly emitter = new vscode.EventEmitter<void>();
	readonly onDidChangeTreeData = this.emitter.event;
	private loaded: Thread[] = [];
	private cursor: string | null = null;
	private fresh = false;
	private timer: NodeJS.Timeout | undefined;
	archived = false;
	/** Nothing is asked of the host before a person does something: starting it can wait. */
	started = false;

	constructor(private readonly session: Session) {}

	/** Several changes at once are one. */
	refresh(): void {
		if (!this.started) return;
		clearTimeout(this.timer);
		this.timer = setTimeout(() => {
			this.fresh = false;
			this.emitter.fire();
		}, 100);
	}

	async getChildren(node?: Node): Promise<Node[]> {
		if (node) return [];
		this.started = true;
		try {
			if (!this.fresh) {
				this.loaded = [];
				this.cursor = null;
				await this.page();
				this.fresh = true;
			}
		} catch {
			return []; // the chat says why the host does not run
		}
		const nodes: Node[] = this.loaded.map((thread) => ({ thread }));
		return this.cursor ? [...nodes, { more: true }] : nodes;
	}

	private async page(): Promise<void> {
		const answer = await this.session.request("thread/list", { ...this.filter(), limit: PAGE, cursor: this.cursor });
		this.loaded.push(...answer.data);
		this.cursor = answer.nextCursor ?? null;
	}

	private filter(): { archived?: boolean; cwd?: string[]; sortKey: "updated_at" } {
		const folders = roots();
		return { sortKey: "updated_at", ...(this.archived ? { archived: true } : {}), ...(folders.length > 0 ? { cwd: folders } : {}) };
	}

	async more(): Promise<void> {
		await this.page();
		this.emitter.fire();
	}

	getTreeItem(node: Node): vscode.TreeItem {
		if ("more" in node) {
			const item = new vscode.TreeItem("Show more");
			item.command = { command: "codexhost.threads.more", title: "Show more" };
			return item;
		}
		const { thread } = node;
		const item = new vscode.TreeItem(titleOf(thread));
		item.id = thread.id;
		item.description = ago(thread.updatedAt);
		item.contextValue = this.archived ? "codexhost.archivedThread" : "codexhost.thread";
		item.tooltip = [titleOf(thread), thread.cwd, thread.gitInfo?.branch, thread.model].filter(Boolean).join("\n");
		item.accessibilityInformation = { label: `Thread ${titleOf(thread)}, ${ago(thread.updatedAt)}` };
		const waits = thread.status.type === "active" && thread.status.activeFlags.length > 0;
		item.iconPath = new vscode.ThemeIcon(waits ? "bell-dot" : thread.status.type === "active" ? "sync~spin" : thread.id === this.session.current ? "comment-discussion" : "comment");
		if (!this.archived) item.command = { command: "codexhost.thread.open", title: "Open", arguments: [node] };
		return item;
	}

	/** Asks for a thread, searching in the texts of all workspaces' threads. */
	async search(): Promise<string | undefined> {
		const pick = vscode.window.createQuickPick<vscode.QuickPickItem & { id: string }>();
		pick.placeholder = "Search threads by their name or first prompt";
		let asked = 0;
		const look = async (term: string) => {
			const mine = ++asked;
			pick.busy = true;
			try {
				const { data } = await this.session.request("thread/list", { limit: PAGE, sortKey: "updated_at", archived: this.archived, ...(term ? { searchTerm: term } : {}) });
				if (mine !== asked) return;
				pick.items = data.map((thread) => ({ id: thread.id, label: titleOf(thread), description: ago(thread.updatedAt), detail: thread.cwd, alwaysShow: true }));
			} finally {
				if (mine === asked) pick.busy = false;
			}
		};
		const show = (term: string) => void look(term).catch((error: Error) => void vscode.window.showErrorMessage(`Codexhost: ${error.message}`));
		pick.onDidChangeValue(show);
		show("");
		pick.show();
		return new Promise((resolve) => {
			pick.onDidAccept(() => {
				resolve(pick.selectedItems[0]?.id);
				pick.hide();
			});
			pick.onDidHide(() => {
				resolve(undefined);
				pick.dispose();
			});
		});
	}
}

export function titleOf(thread: Pick<Thread, "name" | "preview">): string {
	return thread.name || thread.preview.split("\n")[0]!.slice(0, 80) || "(empty)";
}

function ago(seconds: number): string {
	const past = Math.max(0, Date.now() / 1000 - seconds);
	if (past < 60) return "now";
	if (past < 3600) return `${Math.floor(past / 60)} min ago`;
	if (past < 86400) return `${Math.floor(past / 3600)} h ago`;
	return `${Math.floor(past / 86400)} d ago`;
}
