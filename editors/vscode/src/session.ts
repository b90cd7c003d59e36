// A person's session with the host: the threads that are open, the one that is shown, and the questions that wait.
// It knows no editor; the extension and the tests drive it alike.
import { type Asked, describe, keyOf, type Question, type Values } from "./approvals";
import type { HostOptions } from "./host";
import type { HostState } from "./hoststate";
import { Keeper } from "./keeper";
import { type Change, Model, type ThreadState } from "./model";
import type {
	AskForApproval, ModeKind, Notifications, ReasoningEffort, RequestId, Requests, SandboxMode, SandboxPolicy, UserInput,
} from "./protocol.gen";

/** What a person chose for the next turns; what is missing stays as it is. */
export interface Chosen {
	model?: string;
	effort?: ReasoningEffort;
	sandbox?: SandboxMode;
	approvalPolicy?: AskForApproval;
	mode?: ModeKind;
}

/** Where new threads work. */
export interface Place {
	cwd: string | undefined;
	roots: string[];
}

/** What a session asks of what is around it, each time anew. */
export interface Surroundings {
	host(): HostOptions;
	place(): Promise<Place>;
	/** What threads begin with, and are resumed with. */
	defaults(): Chosen;
}

export interface SessionEvents {
	/** Something of a thread changed; without a change, which thread is shown, or what waits for an answer. */
	changed(change?: Change): void;
	host(state: HostState): void;
	/** Something that a person should know; with a threadId, about that thread. */
	notice(kind: "info" | "warning" | "error", text: string, threadId?: string): void;
	asked(question: Asked): void;
	/** What the session does not use itself. */
	told<M extends keyof Notifications>(method: M, params: Notifications[M]): void;
}

interface Waiting {
	asked: Asked;
	question: Question;
	resolve(answer: unknown): void;
	reject(error: Error): void;
}

export class Session {
	readonly keeper: Keeper;
	readonly model: Model;
	/** The thread that is shown; undefined: a new one, that the next prompt makes. */
	current: string | undefined;
	chosen: Chosen = {};
	private readonly waiting = new Map<string, Waiting>();

	constructor(private readonly around: Surroundings, private readonly events: SessionEvents) {
		this.model = new Model((change) => events.changed(change));
		this.keeper = new Keeper(() => around.host(), {
			state: (state) => events.host(state),
			notification: (method, params) => this.told(method, params),
			request: (method, id, params) => this.ask(method, id, params),
			died: (reason, wanted) => this.hostDied(reason, wanted),
			back: () => void this.hostBack(),
		});
	}

	request<M extends keyof Requests>(method: M, params: Requests[M]["params"]): Promise<Requests[M]["result"]> {
		return this.keeper.request(method, params);
	}

	get thread(): ThreadState | undefined {
		return this.current === undefined ? undefined : this.model.threads.get(this.current);
	}

	get busy(): boolean {
		return this.current !== undefined && this.model.runningTurn(this.current) !== undefined;
	}

	questions(threadId: string | undefined): Asked[] {
		return [...this.waiting.values()].map((one) => one.asked).filter((one) => one.threadId === threadId);
	}

	/** Changes what the next turn uses. */
	choose(chosen: Chosen): void {
		this.chosen = { ...this.chosen, ...chosen };
		this.events.changed();
	}

	/** Shows an empty thread; the host hears of it with the first prompt. */
	newThread(): void {
		this.current = undefined;
		this.chosen = {};
		this.events.changed();
	}

	async open(threadId: string): Promise<void> {
		if (!this.model.threads.get(threadId)?.live) {
			await this.resume(threadId);
		}
		this.show(threadId);
	}

	/** A host remembers a thread's model, not what it may do: that is what it was here, or what the settings say. */
	private async resume(threadId: string, excludeTurns = false): Promise<void> {
		const answer = await this.request("thread/resume", { threadId, ...this.rights(threadId), ...(excludeTurns ? { excludeTurns } : {}) });
		this.model.load(answer);
	}

	private rights(threadId: string): Pick<Chosen, "sandbox" | "approvalPolicy"> {
		const { sandbox, approvalPolicy } = this.around.defaults();
		const known = this.model.threads.get(threadId)?.settings;
		const rights = { sandbox: modeOf(known?.sandbox) ?? sandbox, approvalPolicy: known?.approvalPolicy ?? approvalPolicy };
		return { ...(rights.sandbox ? { sandbox: rights.sandbox } : {}), ...(rights.approvalPolicy ? { approvalPolicy: rights.approvalPolicy } : {}) };
	}

	private show(threadId: string): void {
		this.current = threadId;
		this.chosen = {};
		this.events.changed();
	}

	/** Drops a thread that is archived. */
	forget(threadId: string): void {
		this.model.threads.delete(threadId);
		if (this.current === threadId) this.newThread();
	}

	/** Forks at the end of a turn, or at the end; shows the fork. */
	async fork(threadId: string, lastTurnId?: string): Promise<string> {
		const answer = await this.request("thread/fork", { threadId, ...this.rights(threadId), ...(lastTurnId ? { lastTurnId } : {}) });
		this.model.load(answer);
		this.show(answer.thread.id);
		return answer.thread.id;
	}

	/** Sends a prompt: a new turn, or more to the turn that runs. */
	async send(input: UserInput[]): Promise<void> {
		const threadId = await this.liveThread();
		const running = this.model.runningTurn(threadId);
		if (running) {
			await this.request("turn/steer", { threadId, input, expectedTurnId: running.id });
			return;
		}
		const { model, effort, sandbox, approvalPolicy, mode } = this.chosen;
		const settings = this.thread?.settings;
		const { turn } = await this.request("turn/start", {
			threadId, input,
			...(model ? { model } : {}),
			...(effort ? { effort } : {}),
			...(sandbox ? { sandboxPolicy: policyOf(sandbox, (await this.around.place()).roots) } : {}),
			...(approvalPolicy ? { approvalPolicy } : {}),
			...(mode && settings ? { collaborationMode: { mode, settings: { model: model ?? settings.model, reasoning_effort: effort ?? settings.effort } } } : {}),
		});
		this.chosen = {};
		this.model.begin(threadId, turn.id);
	}

	private async liveThread(): Promise<string> {
		const thread = this.thread;
		if (thread?.live) return thread.id;
		if (thread && thread.turns.length > 0) {
			await this.resume(thread.id, true);
			return thread.id;
		}
		const { cwd, roots } = await this.around.place();
		const { model, sandbox, approvalPolicy } = { ...this.around.defaults(), ...this.chosen };
		const answer = await this.request("thread/start", {
			...(cwd ? { cwd } : {}),
			...(roots.length > 1 ? { runtimeWorkspaceRoots: roots } : {}),
			...(model ? { model } : {}),
			...(sandbox ? { sandbox } : {}),
			...(approvalPolicy ? { approvalPolicy } : {}),
		});
		this.model.load(answer);
		this.current = answer.thread.id;
		const { effort, mode } = this.chosen;
		this.chosen = { ...(effort ? { effort } : {}), ...(mode ? { mode } : {}) };
		this.events.changed();
		return answer.thread.id;
	}

	async interrupt(): Promise<void> {
		const turn = this.current === undefined ? undefined : this.model.runningTurn(this.current);
		if (turn) await this.request("turn/interrupt", { threadId: this.current!, turnId: turn.id });
	}

	/** Answers a question that waits; one that does no longer is left alone. */
	answer(key: string, choice: number, values: Values = {}): void {
		const waiting = this.waiting.get(key);
		if (!waiting) return;
		this.waiting.delete(key);
		this.waits(waiting.asked, false);
		waiting.resolve(waiting.question.choices[choice]!.answer(values));
		this.events.changed();
	}

	private ask(method: string, id: RequestId, params: unknown): Promise<unknown> {
		const { threadId, itemId } = params as { threadId: string; itemId?: string };
		const question = describe(method, params, itemId ? this.model.entry(threadId, itemId)?.item : undefined);
		if (!question) return Promise.reject(new Error(`${method} is not supported`));
		const key = keyOf(id);
		const { choices, ...rest } = question;
		const asked: Asked = { ...rest, key, threadId, itemId, choices: choices.map(({ answer: _, ...choice }) => choice) };
		return new Promise((resolve, reject) => {
			this.waiting.set(key, { asked, question, resolve, reject });
			this.waits(asked, true);
			this.events.asked(asked);
			this.events.changed();
		});
	}

	private waits({ threadId, itemId }: Asked, waiting: boolean): void {
		if (itemId !== undefined) this.model.wait(threadId, itemId, waiting);
	}

	private told<M extends keyof Notifications>(method: M, params: Notifications[M]): void {
		if (method === "serverRequest/resolved") {
			const waiting = this.waiting.get(keyOf((params as Notifications["serverRequest/resolved"]).requestId));
			if (!waiting) return;
			this.waiting.delete(waiting.asked.key);
			this.waits(waiting.asked, false);
			waiting.reject(new Error("no longer asked"));
			this.events.changed();
			return;
		}
		if (method === "warning") {
			const { message, threadId } = params as Notifications["warning"];
			this.events.notice("warning", message, threadId ?? undefined);
		}
		if (method === "configWarning") {
			const { summary, details, path } = params as Notifications["configWarning"];
			this.events.notice("warning", [summary, details, details?.includes(path ?? "") ? "" : path].filter(Boolean).join("\n"));
		}
		this.model.apply(method, params);
		this.events.told(method, params);
	}

	private hostDied(reason: string, wanted: boolean): void {
		for (const waiting of this.waiting.values()) waiting.reject(new Error(reason));
		this.waiting.clear();
		this.model.hostDied();
		this.events.notice(wanted ? "info" : "error", reason, this.current);
		this.events.changed();
	}

	private async hostBack(): Promise<void> {
		this.events.notice("info", "The host runs again.", this.current);
		const thread = this.thread;
		if (!thread || thread.turns.length === 0) return;
		try {
			await this.resume(thread.id, true);
		} catch (error) {
			this.events.notice("warning", `The thread could not be resumed: ${(error as Error).message}`, thread.id);
		}
	}

	dispose(): Promise<void> {
		for (const waiting of this.waiting.values()) waiting.reject(new Error("the editor closes"));
		this.waiting.clear();
		return this.keeper.dispose();
	}
}

export function policyOf(mode: SandboxMode, roots: string[]): SandboxPolicy {
	switch (mode) {
		case "read-only":
			return { type: "readOnly" };
		case "danger-full-access":
			return { type: "dangerFullAccess" };
		case "workspace-write":
			return { type: "workspaceWrite", writableRoots: roots };
	}
}

export function modeOf(policy: SandboxPolicy | undefined): SandboxMode | undefined {
	switch (policy?.type) {
		case "readOnly":
			return "read-only";
		case "workspaceWrite":
			return "workspace-write";
		case "dangerFullAccess":
			return "danger-full-access";
		default:
			return undefined;
	}
}
