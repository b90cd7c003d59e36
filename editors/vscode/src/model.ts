// What is known of threads, built from answers and notifications alone: no process, no editor, no clock.
import type { AskForApproval, ModeKind, Notifications, SandboxPolicy, Thread, ThreadItem, ThreadTokenUsage, Turn, TurnPlanStep, TurnStatus } from "./protocol.gen";

export interface Entry {
	id: string;
	turnId: string;
	item: ThreadItem;
	/** No more of it comes: it is completed, or its turn is over. */
	done: boolean;
	/** The output of a command while it runs, its end if there is much; the progress of a tool call. */
	output: string;
	/** It goes on when a person has answered. */
	waiting?: boolean;
}

export interface TurnState {
	id: string;
	status: TurnStatus;
	error: string | undefined;
	/** What the host waits for before it asks the model again. */
	retrying: string | undefined;
	entries: Entry[];
	diff: string;
}

export interface Settings {
	model: string;
	effort: string | null;
	approvalPolicy: AskForApproval;
	sandbox: SandboxPolicy;
	mode: ModeKind | undefined;
}

export interface ThreadState {
	id: string;
	name: string | null;
	preview: string;
	cwd: string;
	turns: TurnState[];
	settings: Settings | undefined;
	usage: ThreadTokenUsage | undefined;
	plan: { explanation: string | null; steps: TurnPlanStep[] } | undefined;
	/** The host knows the thread and tells about it. */
	live: boolean;
}

export interface Change {
	threadId: string;
	turn?: TurnState;
	entry?: Entry;
}

type ThreadAnswer = { thread: Thread; model: string; reasoningEffort?: string | null; approvalPolicy: AskForApproval; sandbox: SandboxPolicy };

const OUTPUT_KEPT = 64 * 1024;

export class Model {
	readonly threads = new Map<string, ThreadState>();

	constructor(private readonly changed: (change: Change) => void) {}

	/** Takes the answer to thread/start, thread/resume or thread/fork. */
	load(answer: ThreadAnswer): ThreadState {
		const thread = this.thread(answer.thread.id);
		Object.assign(thread, { name: answer.thread.name ?? null, preview: answer.thread.preview, cwd: answer.thread.cwd, live: true });
		thread.settings = { model: answer.model, effort: answer.reasoningEffort ?? null, approvalPolicy: answer.approvalPolicy, sandbox: answer.sandbox, mode: thread.settings?.mode };
		if (answer.thread.turns.length > 0) {
			// What was told before the answer is newer than the answer; turns are told from their start on.
			const told = new Map(thread.turns.map((turn) => [turn.id, turn]));
			thread.turns = answer.thread.turns.map((turn) => stored(turn, told.get(turn.id)));
			for (const turn of told.values()) if (!thread.turns.some((one) => one.id === turn.id)) thread.turns.push(turn);
		}
		this.changed({ threadId: thread.id });
		return thread;
	}

	private thread(id: string): ThreadState {
		let thread = this.threads.get(id);
		if (!thread) {
			thread = { id, name: null, preview: "", cwd: "", turns: [], settings: undefined, usage: undefined, plan: undefined, live: true };
			this.threads.set(id, thread);
		}
		return thread;
	}

	/** Takes the answer to turn/start, which may come before or after what is told of the turn. */
	begin(threadId: string, turnId: string): void {
		const turn = turnOf(this.thread(threadId), turnId);
		this.changed({ threadId, turn });
	}

	/** Forgets what a dead host cannot go on with: its running turns are over, its threads must be resumed. */
	hostDied(): void {
		for (const thread of this.threads.values()) {
			thread.live = false;
			for (const turn of thread.turns) {
				if (turn.status !== "inProgress") continue;
				finish(turn, "interrupted");
				turn.error = "The host ended while this turn ran.";
				this.changed({ threadId: thread.id, turn });
			}
			this.changed({ threadId: thread.id });
		}
	}

	runningTurn(threadId: string): TurnState | undefined {
		return this.threads.get(threadId)?.turns.find((turn) => turn.status === "inProgress");
	}

	wait(threadId: string, itemId: string, waiting: boolean): void {
		const entry = this.entry(threadId, itemId);
		if (!entry) return;
		entry.waiting = waiting;
		this.changed({ threadId, entry });
	}

	entry(threadId: string, itemId: string): Entry | undefined {
		for (const turn of [...(this.threads.get(threadId)?.turns ?? [])].reverse()) {
			const entry = turn.entries.find((one) => one.id === itemId);
			if (entry) return entry;
		}
		return undefined;
	}

	apply<M extends keyof Notifications>(method: M, params: Notifications[M]): void {
		const handler = handlers[method];
		if (!handler) return;
		const { threadId } = params as { threadId?: string | null };
		if (!threadId || !this.threads.has(threadId)) return; // of a thread that nobody opened
		const thread = this.thread(threadId);
		const change = handler(thread, params);
		if (change) this.changed({ threadId, ...change });
	}
}

type Handler<M extends keyof Notifications> = (thread: ThreadState, params: Notifications[M]) => Omit<Change, "threadId"> | undefined;

const handlers: { [M in keyof Notifications]?: Handler<M> } = {
	"turn/started": (thread, { turn }) => {
		thread.plan = undefined; // it was the last turn's
		return { turn: turnOf(thread, turn.id) };
	},
	"turn/completed": (thread, { turn }) => {
		const state = turnOf(thread, turn.id);
		finish(state, turn.status);
		state.error = turn.error ? [turn.error.message, turn.error.additionalDetails].filter(Boolean).join("\n") : undefined;
		return { turn: state };
	},
	"turn/diff/updated": (thread, { turnId, diff }) => {
		const turn = turnOf(thread, turnId);
		turn.diff = diff;
		return { turn };
	},
	"turn/plan/updated": (thread, { explanation, plan }) => {
		thread.plan = { explanation: explanation ?? null, steps: plan };
		return {};
	},
	error: (thread, { turnId, error, willRetry }) => {
		const turn = turnOf(thread, turnId);
		if (willRetry) turn.retrying = error.message;
		else turn.error = error.message;
		return { turn };
	},
	"thread/name/updated": (thread, { threadName }) => {
		thread.name = threadName ?? null;
		return {};
	},
	"thread/tokenUsage/updated": (thread, { tokenUsage }) => {
		thread.usage = tokenUsage;
		return {};
	},
	"thread/settings/updated": (thread, { threadSettings: now }) => {
		thread.settings = { model: now.model, effort: now.effort ?? null, approvalPolicy: now.approvalPolicy, sandbox: now.sandboxPolicy, mode: now.collaborationMode.mode };
		return {};
	},
	"thread/closed": (thread) => {
		thread.live = false;
		return {};
	},
	"item/started": (thread, { turnId, item }) => {
		const turn = turnOf(thread, turnId);
		// Steering cuts the answer that was being written; it is never completed.
		if (item.type === "userMessage") {
			for (const entry of turn.entries) if (entry.item.type === "agentMessage") entry.done = true;
			thread.preview ||= item.content.map((part) => (part.type === "text" ? part.text : "")).join("");
		}
		turn.retrying = undefined;
		return { turn, entry: put(turn, item, false) };
	},
	"item/completed": (thread, { turnId, item }) => {
		const turn = turnOf(thread, turnId);
		return { entry: put(turn, item, true) };
	},
	"item/agentMessage/delta": (thread, params) => grow(thread, params, (entry) => {
		if (entry.item.type === "agentMessage") entry.item.text += params.delta;
	}),
	"item/plan/delta": (thread, params) => grow(thread, params, (entry) => {
		if (entry.item.type === "plan") entry.item.text += params.delta;
	}),
	"item/reasoning/summaryTextDelta": (thread, params) => grow(thread, params, (entry) => {
		if (entry.item.type === "reasoning") extend((entry.item.summary ??= []), params.summaryIndex, params.delta);
	}),
	"item/reasoning/textDelta": (thread, params) => grow(thread, params, (entry) => {
		if (entry.item.type === "reasoning") extend((entry.item.content ??= []), params.contentIndex, params.delta);
	}),
	"item/commandExecution/outputDelta": (thread, params) => grow(thread, params, (entry) => {
		entry.output = (entry.output + params.delta).slice(-OUTPUT_KEPT);
	}),
	"item/mcpToolCall/progress": (thread, params) => grow(thread, params, (entry) => {
		entry.output = params.message;
	}),
};

function turnOf(thread: ThreadState, id: string): TurnState {
	let turn = thread.turns.find((one) => one.id === id);
	if (!turn) {
		turn = { id, status: "inProgress", error: undefined, retrying: undefined, entries: [], diff: "" };
		thread.turns.push(turn);
	}
	return turn;
}

function put(turn: TurnState, item: ThreadItem, done: boolean): Entry {
	let entry = turn.entries.find((one) => one.id === item.id);
	if (!entry) {
		entry = { id: item.id, turnId: turn.id, item, done, output: "" };
		turn.entries.push(entry);
	}
	entry.item = item;
	entry.done = done;
	return entry;
}

function grow(thread: ThreadState, at: { turnId: string; itemId: string }, by: (entry: Entry) => void): Omit<Change, "threadId"> | undefined {
	const entry = thread.turns.find((turn) => turn.id === at.turnId)?.entries.find((one) => one.id === at.itemId);
	if (!entry) return undefined;
	by(entry);
	return { entry };
}

function extend(parts: string[], index: number, text: string): void {
	while (parts.length <= index) parts.push("");
	parts[index] += text;
}

function finish(turn: TurnState, status: TurnStatus): void {
	turn.status = status;
	turn.retrying = undefined;
	for (const entry of turn.entries) entry.done = true;
}

function stored(turn: Turn, told: TurnState | undefined): TurnState {
	const over = turn.status !== "inProgress";
	const entries = turn.items.map((item): Entry => ({ id: item.id, turnId: turn.id, item, done: over || item.completedAtMs != null, output: "" }));
	for (const entry of told?.entries ?? []) if (!entries.some((one) => one.id === entry.id)) entries.push(entry);
	return { id: turn.id, status: turn.status, error: turn.error?.message, retrying: undefined, entries, diff: told?.diff ?? "" };
}

/** How much of the model's context is left, 0 to 1; undefined when the host does not say. */
export function contextLeft(usage: ThreadTokenUsage | undefined): number | undefined {
	if (!usage?.modelContextWindow) return undefined;
	return Math.max(0, 1 - usage.last.totalTokens / usage.modelContextWindow);
}
