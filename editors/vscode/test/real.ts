// A real host in throw-away folders, driven through the extension's own session.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Asked } from "../src/approvals";
import { type Change } from "../src/model";
import type { HostState } from "../src/hoststate";
import { type Chosen, Session } from "../src/session";

const WAIT_MS = 20_000;

export const program = process.env.CODEXHOST;

export class Room {
	readonly dir = mkdtempSync(join(tmpdir(), "codexhost-vscode-"));
	readonly work = join(this.dir, "work");
	readonly session: Session;
	defaults: Chosen = {};
	readonly notices: string[] = [];
	readonly states: HostState[] = [];
	readonly changes: Change[] = [];
	private readonly looking = new Set<() => void>();

	constructor(config?: string, binary = program!) {
		for (const name of ["home", "codex-home", "work"]) mkdirSync(join(this.dir, name));
		if (config !== undefined) writeFileSync(join(this.dir, "codex-home", "config.toml"), config);
		const env: NodeJS.ProcessEnv = { PATH: process.env.PATH, HOME: join(this.dir, "home"), CODEX_HOME: join(this.dir, "codex-home") };
		this.session = new Session(
			{
				host: () => ({ program: binary, args: [], env, cwd: this.work, version: "0.0.0", log: () => {} }),
				place: async () => ({ cwd: this.work, roots: [this.work] }),
				defaults: () => this.defaults,
			},
			{
				changed: (change) => {
					if (change) this.changes.push(change);
					this.look();
				},
				host: (state) => {
					this.states.push(state);
					this.look();
				},
				notice: (_, text) => {
					this.notices.push(text);
					this.look();
				},
				asked: () => this.look(),
				told: () => this.look(),
			},
		);
	}

	private look(): void {
		for (const one of [...this.looking]) one();
	}

	/** Waits until there is something to find. */
	until<T>(what: string, find: () => T | undefined | false): Promise<T> {
		return new Promise((resolve, reject) => {
			const timer = setTimeout(() => {
				this.looking.delete(check);
				reject(new Error(`waited in vain for ${what}; turns: ${JSON.stringify(this.session.thread?.turns)}; notices: ${this.notices.join("; ")}`));
			}, WAIT_MS);
			const check = () => {
				const found = find();
				if (found === undefined || found === false) return;
				clearTimeout(timer);
				this.looking.delete(check);
				resolve(found);
			};
			this.looking.add(check);
			check();
		});
	}

	say(text: string): Promise<void> {
		return this.session.send([{ type: "text", text }]);
	}

	question(): Promise<Asked> {
		return this.until("a question", () => this.session.questions(this.session.current)[0]);
	}

	/** Answers with the choice of that label. */
	answer(asked: Asked, label: string): void {
		const choice = asked.choices.findIndex((one) => one.label === label);
		if (choice < 0) throw new Error(`no “${label}” among ${asked.choices.map((one) => one.label).join(", ")}`);
		this.session.answer(asked.key, choice);
	}

	/** Waits for the end of the last turn. */
	over() {
		return this.until("the end of the turn", () => {
			const turn = this.session.thread?.turns.at(-1);
			return turn && turn.status !== "inProgress" && !this.session.busy ? turn : undefined;
		});
	}

	async close(): Promise<void> {
		await this.session.dispose();
		rmSync(this.dir, { recursive: true, force: true, maxRetries: 5 });
	}
}
