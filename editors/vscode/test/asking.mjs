// An MCP server on stdio whose tools ask the user: `form` with a form, `url` with an address to open.
import { createInterface } from "node:readline";

const SCHEMA = {
	type: "object", required: ["name"],
	properties: {
		name: { type: "string", title: "Your name", description: "As it is printed" },
		age: { type: "integer", title: "Age" },
		size: { type: "string", title: "Size", enum: ["s", "l"], enumNames: ["Small", "Large"] },
		news: { type: "boolean", title: "Send news", default: true },
	},
};
const ASKED = {
	form: { mode: "form", message: "Who are you?", requestedSchema: SCHEMA },
	url: { mode: "url", message: "Sign in to go on.", url: "https://example.invalid/sign-in", elicitationId: "e1" },
};
const send = (message) => process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
const waiting = new Map();
let asked = 0;

createInterface({ input: process.stdin }).on("line", (line) => {
	const { id, method, params, result, error } = JSON.parse(line);
	if (method === "initialize") {
		send({ id, result: { protocolVersion: params.protocolVersion, capabilities: { tools: {} }, serverInfo: { name: "asking", version: "1" } } });
	} else if (method === "tools/list") {
		const tools = Object.keys(ASKED).map((name) => ({ name, description: `Asks with a ${name}`, inputSchema: { type: "object" } }));
		send({ id, result: { tools } });
	} else if (method === "tools/call") {
		waiting.set(`ask-${++asked}`, id);
		send({ id: `ask-${asked}`, method: "elicitation/create", params: ASKED[params.name] });
	} else if (waiting.has(id)) {
		send({ id: waiting.get(id), result: { content: [{ type: "text", text: `told ${JSON.stringify(result ?? error)}` }] } });
		waiting.delete(id);
	} else if (id !== undefined) {
		send({ id, result: {} });
	}
});
