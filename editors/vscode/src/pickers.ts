// Pickers for what the next turns use.
import * as vscode from "vscode";
import type { AskForApproval, ModeKind, Model as ModelInfo, ReasoningEffort, SandboxMode } from "./protocol.gen";
import { modeOf, type Session } from "./session";

type Item<T> = vscode.QuickPickItem & { value: T };

async function pick<T>(title: string, items: Item<T>[], now: T | undefined): Promise<T | undefined> {
	const used = items.filter((item) => item.value === now).map((item) => ({ ...item, label: `$(check) ${item.label}` }));
	const marked = [...used, ...items.filter((item) => item.value !== now)];
	return (await vscode.window.showQuickPick(marked, { title, matchOnDescription: true }))?.value;
}

async function models(session: Session): Promise<ModelInfo[]> {
	const all: ModelInfo[] = [];
	let cursor: string | null = null;
	do {
		const page: { data: ModelInfo[]; nextCursor?: string | null } = await session.request("model/list", cursor ? { cursor } : {});
		all.push(...page.data);
		cursor = page.nextCursor ?? null;
	} while (cursor);
	return all;
}

export async function selectModel(session: Session): Promise<void> {
	const now = session.chosen.model ?? session.thread?.settings?.model;
	const all = await models(session);
	const items = all.map((model): Item<string> => ({ label: model.displayName, description: model.model, detail: model.description, value: model.model }));
	if (now && !all.some((model) => model.model === now)) items.unshift({ label: now, description: "in use", value: now });
	const model = await pick("Model of the next turns", items, now);
	if (model) session.choose({ model });
}

export async function selectEffort(session: Session): Promise<void> {
	const all = await models(session);
	const name = session.chosen.model ?? session.thread?.settings?.model;
	const model = all.find((one) => one.model === name) ?? all.find((one) => one.isDefault);
	const items = (model?.supportedReasoningEfforts ?? []).map((one): Item<ReasoningEffort> => ({ label: one.reasoningEffort, description: one.description, value: one.reasoningEffort }));
	const effort = await pick("Reasoning effort of the next turns", items, session.chosen.effort ?? session.thread?.settings?.effort ?? undefined);
	if (effort) session.choose({ effort });
}

export async function selectSandbox(session: Session): Promise<void> {
	const items: Item<SandboxMode>[] = [
		{ label: "Read only", description: "read-only", detail: "Commands can read files, write none, and have no network", value: "read-only" },
		{ label: "Workspace", description: "workspace-write", detail: "Commands can write in the workspace and the temporary folders, and have no network", value: "workspace-write" },
		{ label: "Full access", description: "danger-full-access", detail: "Commands can do whatever you can do", value: "danger-full-access" },
	];
	const sandbox = await pick("What commands of the next turns may do", items, session.chosen.sandbox ?? modeOf(session.thread?.settings?.sandbox));
	if (sandbox) session.choose({ sandbox });
}

export async function selectApprovals(session: Session): Promise<void> {
	const items: Item<AskForApproval>[] = [
		{ label: "Before everything", description: "untrusted", detail: "Ask before every command and every patch", value: "untrusted" },
		{ label: "When the agent wants more", description: "on-request", detail: "Ask before what is dangerous or leaves the sandbox", value: "on-request" },
		{ label: "Never", description: "never", detail: "Never ask; what the sandbox does not allow fails", value: "never" },
	];
	const approvalPolicy = await pick("When to ask you", items, session.chosen.approvalPolicy ?? session.thread?.settings?.approvalPolicy);
	if (approvalPolicy) session.choose({ approvalPolicy });
}

export async function selectMode(session: Session): Promise<void> {
	const items: Item<ModeKind>[] = [
		{ label: "Act", description: "default", detail: "The agent does what it is asked to", value: "default" },
		{ label: "Plan", description: "plan", detail: "The agent reads, asks you what only you know, and proposes a plan; it changes nothing", value: "plan" },
	];
	const mode = await pick("What the agent is for in the next turns", items, session.chosen.mode ?? session.thread?.settings?.mode ?? "default");
	if (mode) session.choose({ mode });
}
