// Keeps a host running: starts it when it is first needed, again when it dies, and says so.
import { Host, type HostEvents, type HostOptions } from "./host";
import type { HostState } from "./hoststate";
import type { Requests } from "./protocol.gen";

export interface KeeperEvents extends Pick<HostEvents, "notification" | "request"> {
	state(state: HostState): void;
	/** The host is gone with all it held in memory; it is being started again. Someone may have wanted that. */
	died(reason: string, wanted: boolean): void;
	/** The host is there again. */
	back(): void;
}

// A host that dies this often within this time is not started again until somebody asks for it.
const DEATHS = 4;
const WITHIN_MS = 60_000;
const PAUSE_MS = 250;

export class Keeper {
	state: HostState = { is: "stopped" };
	private host: Promise<Host> | undefined;
	private deaths: number[] = [];
	private timer: NodeJS.Timeout | undefined;
	private disposed = false;
	/** The host died, and no other has taken its place. */
	private missed = false;

	constructor(private readonly options: () => HostOptions, private readonly events: KeeperEvents) {}

	async request<M extends keyof Requests>(method: M, params: Requests[M]["params"]): Promise<Requests[M]["result"]> {
		return (await this.running()).request(method, params);
	}

	private running(): Promise<Host> {
		if (this.disposed) return Promise.reject(new Error("the extension is shut down"));
		return (this.host ??= this.start(false));
	}

	private async start(again: boolean): Promise<Host> {
		this.enter({ is: "starting", again });
		const starting = Host.start(this.options(), {
			notification: (method, params) => this.events.notification(method, params),
			request: (method, id, params) => this.events.request(method, id, params),
			ended: (reason) => this.ended(reason),
		});
		try {
			const host = await starting;
			this.enter({ is: "running", pid: host.pid!, userAgent: host.info.userAgent, home: host.info.codexHome });
			// Whoever started it: the pause after a death, a request that did not wait for it, or a person.
			if (this.missed) queueMicrotask(() => this.events.back());
			this.missed = false;
			return host;
		} catch (error) {
			this.host = undefined;
			this.enter({ is: "failed", reason: (error as Error).message });
			throw error;
		}
	}

	private ended(reason: string): void {
		this.host = undefined;
		const now = Date.now();
		this.deaths = [...this.deaths.filter((at) => now - at < WITHIN_MS), now];
		this.missed = true;
		this.events.died(reason, false);
		if (this.deaths.length >= DEATHS) {
			this.enter({ is: "failed", reason: `${reason} (${this.deaths.length} times within a minute)` });
			return;
		}
		this.enter({ is: "starting", again: true });
		this.timer = setTimeout(() => {
			if (this.host || this.disposed) return;
			this.host = this.start(true);
			this.host.catch(() => {}); // told as a state
		}, PAUSE_MS * 2 ** (this.deaths.length - 1));
	}

	private enter(state: HostState): void {
		this.state = state;
		this.events.state(state);
	}

	/** Ends the host, if there is one, and starts another with the settings of now. */
	async restart(): Promise<void> {
		clearTimeout(this.timer);
		this.deaths = [];
		const old = this.host;
		this.host = undefined;
		if (old) {
			this.missed = true;
			this.events.died("The host is restarted.", true);
			await old.then((host) => host.stop(), () => {});
		}
		await this.running();
	}

	async dispose(): Promise<void> {
		this.disposed = true;
		clearTimeout(this.timer);
		const host = this.host;
		this.host = undefined;
		await host?.then((running) => running.stop(), () => {});
	}
}
