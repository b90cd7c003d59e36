// One host process and the connection to it. What happens when it dies is its keeper's business.
import { type ChildProcess, spawn } from "node:child_process";
import { createMessageConnection, ErrorCodes, Message, type MessageConnection, ResponseError } from "vscode-jsonrpc/node";
import { LineReader, LineWriter } from "./lines";
import type { InitializeResponse, Notifications, RequestId, Requests } from "./protocol.gen";

export interface HostOptions {
	program: string;
	/** The arguments before `app-server`. */
	args: string[];
	env: NodeJS.ProcessEnv;
	cwd?: string;
	/** The version of the extension. */
	version: string;
	log(line: string): void;
}

export interface HostEvents {
	notification<M extends keyof Notifications>(method: M, params: Notifications[M]): void;
	/** A question of the host. What it returns is the answer; what it throws is answered as an error. */
	request(method: string, id: RequestId, params: unknown): Promise<unknown>;
	ended(reason: string): void;
}

const STARTING_LIMIT_MS = 20_000;
const STOPPING_LIMIT_MS = 5_000;

export class Host {
	info!: InitializeResponse;
	private readonly connection: MessageConnection;
	private readonly exited: Promise<string>;
	private stopping = false;
	private lastWords = "";

	/** Starts the process and shakes hands. Throws when that cannot be done, saying what the process said. */
	static async start(options: HostOptions, events: HostEvents): Promise<Host> {
		const child = spawn(options.program, [...options.args, "app-server"], { env: options.env, cwd: options.cwd, stdio: "pipe" });
		const host = new Host(child, options, events);
		try {
			host.info = await host.handshake(options.version);
		} catch (error) {
			child.kill("SIGKILL");
			const reason = await host.exited;
			throw new Error(host.connectionFailed ? `${options.program}: ${reason}` : `${options.program}: ${(error as Error).message}`);
		}
		void host.exited.then((reason) => {
			if (!host.stopping) events.ended(reason);
		});
		return host;
	}

	private connectionFailed = false;

	private constructor(private readonly child: ChildProcess, options: HostOptions, events: HostEvents) {
		this.exited = new Promise((resolve) => {
			child.once("error", (error) => resolve(error.message));
			child.once("close", (code, signal) => {
				const how = signal ? `was killed by ${signal}` : `ended with status ${code}`;
				resolve(`the host ${how}${this.lastWords ? `: ${this.lastWords}` : ""}`);
			});
		});
		let rest = "";
		child.stderr!.setEncoding("utf8").on("data", (text: string) => {
			const lines = (rest + text).split("\n");
			rest = lines.pop()!;
			for (const line of lines) options.log(line);
			this.lastWords = (lines.filter((line) => line.trim() !== "").at(-1) ?? this.lastWords).trim().slice(0, 500);
		});
		// A question needs its id, to be taken back by serverRequest/resolved; vscode-jsonrpc does not give it to handlers.
		let asking: RequestId = -1;
		this.connection = createMessageConnection(new LineReader(child.stdout!), new LineWriter(child.stdin!), undefined, {
			messageStrategy: {
				handleMessage(message, next) {
					if (Message.isRequest(message)) asking = message.id as RequestId;
					return next(message);
				},
			},
		});
		this.connection.onNotification((method, params) => {
			events.notification(method as keyof Notifications, params as Notifications[keyof Notifications]);
		});
		this.connection.onRequest((method, params) => {
			return events.request(method, asking, params).catch((error: Error) => {
				throw new ResponseError(ErrorCodes.MethodNotFound, error.message);
			});
		});
		this.connection.onError(([error]) => options.log(error.message));
		void this.exited.then(() => {
			this.connectionFailed = true;
			this.connection.dispose();
		});
		this.connection.listen();
	}

	private async handshake(version: string): Promise<InitializeResponse> {
		const tooLate = new Promise<never>((_, reject) => {
			setTimeout(reject, STARTING_LIMIT_MS, new Error("did not answer in time")).unref();
		});
		const answer = await Promise.race([
			this.request("initialize", {
				clientInfo: { name: "codexhost_vscode", title: "Codexhost for VS Code", version },
				capabilities: { experimentalApi: true },
			}),
			this.exited.then((reason) => Promise.reject(new Error(reason))),
			tooLate,
		]);
		await this.connection.sendNotification("initialized");
		return answer;
	}

	request<M extends keyof Requests>(method: M, params: Requests[M]["params"]): Promise<Requests[M]["result"]> {
		return params === undefined ? this.connection.sendRequest(method) : this.connection.sendRequest(method, params);
	}

	get pid(): number | undefined {
		return this.child.pid;
	}

	/** Ends the host: its input is closed, it is killed when that does not help. Idempotent. */
	async stop(): Promise<void> {
		this.stopping = true;
		this.child.stdin!.end();
		this.child.kill("SIGTERM"); // a running turn is interrupted, not waited for
		const timer = setTimeout(() => this.child.kill("SIGKILL"), STOPPING_LIMIT_MS);
		await this.exited;
		clearTimeout(timer);
	}
}
