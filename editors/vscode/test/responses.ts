// A model behind the Responses API, for clients that insist on a provider of their own. It answers a prompt
// `say TEXT` with the text, and `run COMMAND` or, to have it run outside of the sandbox, `ask COMMAND` with a call of the
// host's tool for commands, whose output it then repeats.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

interface Item {
	type: string;
	role?: string;
	content?: { type: string; text?: string }[];
	call_id?: string;
	output?: unknown;
}

interface Asked {
	input: Item[];
}

export class Responses {
	private readonly server: Server;
	/** What was asked for, in order: paths, and the prompts of /responses. */
	readonly seen: string[] = [];

	constructor() {
		this.server = createServer((request, response) => void this.serve(request, response).catch((error: Error) => {
			this.seen.push(error.message);
			response.writeHead(500).end(error.message);
		}));
	}

	/** Gives the base URL. */
	async listen(): Promise<string> {
		await new Promise<void>((done) => this.server.listen(0, "127.0.0.1", done));
		return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/v1`;
	}

	close(): Promise<void> {
		this.server.closeAllConnections();
		return new Promise((done) => this.server.close(() => done()));
	}

	private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
		const { pathname } = new URL(request.url!, "http://model");
		this.seen.push(pathname);
		if (request.method !== "POST" || pathname !== "/v1/responses") {
			response.writeHead(404).end();
			return;
		}
		const chunks: Buffer[] = [];
		for await (const chunk of request) chunks.push(chunk as Buffer);
		const asked = JSON.parse(Buffer.concat(chunks).toString()) as Asked;
		const id = `resp_${this.seen.length}`;
		response.writeHead(200, { "content-type": "text/event-stream" });
		const send = (event: Record<string, unknown>) => response.write(`event: ${String(event.type)}\ndata: ${JSON.stringify(event)}\n\n`);
		send({ type: "response.created", response: { id } });
		const item = this.answer(asked, id);
		if (item.type === "message") {
			const [{ text }] = item.content as [{ text: string }];
			send({ type: "response.output_item.added", output_index: 0, item: { ...item, content: [] } });
			for (const delta of text.match(/\S+\s*/g) ?? []) send({ type: "response.output_text.delta", output_index: 0, content_index: 0, item_id: item.id, delta });
		}
		send({ type: "response.output_item.done", output_index: 0, item });
		send({ type: "response.completed", response: { id, usage: { input_tokens: 10, output_tokens: 5, total_tokens: 15 } } });
		response.end();
	}

	private answer({ input }: Asked, id: string): Record<string, unknown> {
		const says = (text: string) => ({ type: "message", id: `msg_${id}`, role: "assistant", status: "completed", content: [{ type: "output_text", text, annotations: [] }] });
		const last = input.findLastIndex((item) => item.role === "user" && /^(say|run|ask) /m.test(textOf(item)));
		if (last < 0) return says("Nothing was said.");
		const [, what, rest] = /^(say|run|ask) (.*)/m.exec(textOf(input[last]!))!;
		this.seen.push(`${what} ${rest}`);
		if (what === "say") return says(rest!);
		const output = input.slice(last).findLast((item) => item.type === "function_call_output");
		if (output) return says(`It said: ${JSON.stringify(output.output)}`);
		const args = { cmd: rest, ...(what === "ask" ? { sandbox_permissions: "require_escalated", justification: "Only the user can say" } : {}) };
		return { type: "function_call", id: `fc_${id}`, call_id: `call_${id}`, name: "exec_command", arguments: JSON.stringify(args), status: "completed" };
	}
}

const textOf = (item: Item): string => (typeof item.content === "string" ? item.content : (item.content ?? []).map((part) => part.text ?? "").join("\n"));
