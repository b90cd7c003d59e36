// The extension's settings, and where its threads work.
import { homedir } from "node:os";
import { mkdirSync } from "node:fs";
import * as vscode from "vscode";
import type { HostOptions } from "./host";
import type { AskForApproval, SandboxMode } from "./protocol.gen";
import type { Chosen, Place } from "./session";

function tilde(path: string): string {
	return path === "~" || path.startsWith("~/") ? homedir() + path.slice(1) : path;
}

export function hostOptions(version: string, log: (line: string) => void): HostOptions {
	const settings = vscode.workspace.getConfiguration("codexhost");
	const home = tilde(settings.get("home", ""));
	if (home) mkdirSync(home, { recursive: true });
	return {
		program: tilde(settings.get("path", "") || "codexhost"),
		args: settings.get<string[]>("arguments", []),
		env: { ...process.env, ...(home ? { CODEX_HOME: home } : {}) },
		cwd: roots()[0],
		version, log,
	};
}

export function defaults(): Chosen {
	const settings = vscode.workspace.getConfiguration("codexhost");
	const model = settings.get("model", "");
	const sandbox = settings.get<SandboxMode | "">("sandbox", "");
	const approvalPolicy = settings.get<AskForApproval | "">("approvalPolicy", "");
	return { ...(model ? { model } : {}), ...(sandbox ? { sandbox } : {}), ...(approvalPolicy ? { approvalPolicy } : {}) };
}

export function roots(): string[] {
	return (vscode.workspace.workspaceFolders ?? []).filter((folder) => folder.uri.scheme === "file").map((folder) => folder.uri.fsPath);
}

/** The folder of the file that is edited; where that says nothing and there are several, the person is asked. */
export async function place(): Promise<Place> {
	const all = roots();
	if (all.length <= 1) return { cwd: all[0], roots: all };
	const active = vscode.window.activeTextEditor?.document.uri;
	const folder = (active && vscode.workspace.getWorkspaceFolder(active)) ?? (await vscode.window.showWorkspaceFolderPick({ placeHolder: "In which folder shall the agent work?" }));
	return { cwd: folder?.uri.fsPath ?? all[0], roots: all };
}
