// File changes in the editor's own diff view. A side that is on disk is shown from there, and can be edited.
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import * as vscode from "vscode";
import { sides } from "./patch";
import type { FileUpdateChange } from "./protocol.gen";

const SCHEME = "codexhost-change";
const KEPT = 200;

export class Diffs implements vscode.TextDocumentContentProvider {
	private readonly texts = new Map<string, string>();
	private count = 0;

	static register(context: vscode.ExtensionContext): Diffs {
		const diffs = new Diffs();
		context.subscriptions.push(vscode.workspace.registerTextDocumentContentProvider(SCHEME, diffs));
		return diffs;
	}

	provideTextDocumentContent(uri: vscode.Uri): string {
		return this.texts.get(uri.toString()) ?? "";
	}

	private document(path: string, text: string): vscode.Uri {
		const uri = vscode.Uri.file(path).with({ scheme: SCHEME, query: String(++this.count) });
		this.texts.set(uri.toString(), text);
		for (const key of this.texts.keys()) {
			if (this.texts.size <= KEPT) break;
			this.texts.delete(key);
		}
		return uri;
	}

	private async pair(change: FileUpdateChange): Promise<[left: vscode.Uri, right: vscode.Uri] | undefined> {
		const moved = change.kind.type === "update" ? (change.kind.move_path ?? undefined) : undefined;
		const disk = await read(change.path);
		const both = sides(change, disk, moved === undefined ? undefined : await read(moved));
		if (!both) return undefined;
		const right = both.done && change.kind.type !== "delete" ? vscode.Uri.file(moved ?? change.path) : this.document(moved ?? change.path, both.after);
		return [this.document(change.path, both.before), right];
	}

	async show(change: FileUpdateChange): Promise<void> {
		const pair = await this.pair(change);
		if (!pair) {
			// The file has moved on and the change no longer fits: then the change itself.
			await vscode.window.showTextDocument(this.document(`${change.path}.diff`, change.diff), { preview: true });
			return;
		}
		await vscode.commands.executeCommand("vscode.diff", ...pair, `${basename(change.path)} (${change.kind.type})`, { preview: true });
	}

	async showAll(title: string, changes: FileUpdateChange[]): Promise<void> {
		if (changes.length === 1) return this.show(changes[0]!);
		const resources = [];
		for (const change of changes) {
			const pair = await this.pair(change);
			if (pair) resources.push([vscode.Uri.file(change.path), ...pair]);
		}
		await vscode.commands.executeCommand("vscode.changes", title, resources);
	}
}

async function read(path: string): Promise<string | undefined> {
	const open = vscode.workspace.textDocuments.find((one) => one.uri.scheme === "file" && one.uri.fsPath === path && one.isDirty);
	if (open) return open.getText();
	return readFile(path, "utf8").catch(() => undefined);
}
