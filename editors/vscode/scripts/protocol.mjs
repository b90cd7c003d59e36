// Writes src/protocol.gen.ts, the wire's vocabulary: node scripts/protocol.mjs experimental.json
//
// The schema bundle is the one that the host's own Go types are generated from, and the header says which. Only what
// the methods below reach is written; to use another method, add it here and run the script again.
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";

const RELEASE = "0.169.0";

const REQUESTS = [
	"initialize", "thread/start", "thread/resume", "thread/fork", "thread/list", "thread/read", "thread/archive",
	"thread/unarchive", "thread/name/set", "thread/compact/start", "thread/unsubscribe", "turn/start", "turn/steer",
	"turn/interrupt", "model/list", "skills/list", "mcpServerStatus/list", "config/read", "account/read",
	"fuzzyFileSearch", "config/mcpServer/reload",
];
const SERVER_REQUESTS = [
	"item/commandExecution/requestApproval", "item/fileChange/requestApproval", "item/permissions/requestApproval",
	"item/tool/requestUserInput", "mcpServer/elicitation/request",
];
const NOTIFICATIONS = [
	"error", "warning", "configWarning", "thread/started", "thread/status/changed", "thread/name/updated",
	"thread/archived", "thread/unarchived", "thread/closed", "thread/tokenUsage/updated", "thread/settings/updated",
	"turn/started", "turn/completed", "turn/plan/updated", "turn/diff/updated", "item/started", "item/completed",
	"item/agentMessage/delta", "item/plan/delta", "item/reasoning/summaryPartAdded", "item/reasoning/summaryTextDelta",
	"item/reasoning/textDelta", "item/commandExecution/outputDelta", "item/mcpToolCall/progress",
	"serverRequest/resolved", "skills/changed", "mcpServer/startupStatus/updated", "model/rerouted",
];

const [file, out = new URL("../src/protocol.gen.ts", import.meta.url)] = process.argv.slice(2);
if (!file) {
	console.error("usage: node scripts/protocol.mjs experimental.json [OUT]");
	process.exit(2);
}
const bytes = readFileSync(file);
const bundle = JSON.parse(bytes.toString()).definitions;
const definitions = { ...bundle, ...bundle.v2 };
const reached = new Map();

function reference(ref) {
	const name = ref.split("/").at(-1);
	if (!reached.has(name)) {
		if (!definitions[name]) throw new Error(`the schema has no ${ref}`);
		reached.set(name, "");
		reached.set(name, type(definitions[name], ""));
	}
	return name;
}

const union = (parts) => [...new Set(parts)].join(" | ") || "never";
const bracketed = (text) => (/[|&]/.test(text) && !/^\{.*\}$/s.test(text) ? `(${text})` : text);
const key = (name) => (/^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name));

function object(schema, indent) {
	const inner = indent + "\t";
	const required = new Set(schema.required ?? []);
	const members = Object.entries(schema.properties ?? {}).map(
		([name, member]) => `${inner}${key(name)}${required.has(name) ? "" : "?"}: ${type(member, inner)};\n`,
	);
	const rest = schema.additionalProperties;
	if (members.length === 0) return `Record<string, ${rest && rest !== true ? type(rest, indent) : "unknown"}>`;
	return `{\n${members.join("")}${indent}}`;
}

function type(schema, indent) {
	if (schema === true || Object.keys(schema).every((k) => ["default", "description", "title", "$schema"].includes(k))) return "unknown";
	if (schema.$ref) return reference(schema.$ref);
	if (schema.enum) return union(schema.enum.map((value) => JSON.stringify(value)));
	if ("const" in schema) return JSON.stringify(schema.const);
	if (schema.allOf) return schema.allOf.map((part) => bracketed(type(part, indent))).join(" & ");
	const choice = schema.oneOf ?? schema.anyOf;
	if (choice) {
		const text = union(choice.map((part) => type(part, indent)));
		return schema.properties ? `${object(schema, indent)} & (${text})` : text;
	}
	const names = Array.isArray(schema.type) ? schema.type : [schema.type ?? "object"];
	return union(names.map((name) => {
		switch (name) {
			case "integer": case "number": return "number";
			case "array": return Array.isArray(schema.items) ? "unknown[]" : `${bracketed(type(schema.items ?? true, indent))}[]`;
			case "object": return object(schema, indent);
			default: return name;
		}
	}));
}

function methods(envelope, wanted) {
	const found = new Map(bundle[envelope].oneOf.map((one) => [one.properties.method.enum[0], one.properties.params]));
	return wanted.map((method) => {
		if (!found.has(method)) throw new Error(`the schema has no ${envelope} ${method}`);
		const params = found.get(method);
		return [method, params && params.type !== "null" ? type(params, "\t") : "undefined"];
	});
}

function answered(pairs) {
	return pairs.map(([method, params]) => {
		const answer = params.replace(/Params$/, "Response");
		const known = answer !== params && definitions[answer];
		return `\t${JSON.stringify(method)}: { params: ${params}; result: ${known ? reference(answer) : "unknown"} };\n`;
	}).join("");
}

const maps = [
	`/** What the host is asked. */\nexport interface Requests {\n${answered(methods("ClientRequest", REQUESTS))}}\n`,
	`/** What the host asks. */\nexport interface ServerRequests {\n${answered(methods("ServerRequest", SERVER_REQUESTS))}}\n`,
	`/** What the host tells. */\nexport interface Notifications {\n${methods("ServerNotification", NOTIFICATIONS)
		.map(([method, params]) => `\t${JSON.stringify(method)}: ${params};\n`).join("")}}\n`,
];
const types = [...reached].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, text]) => `export type ${name} = ${text};\n`);
writeFileSync(out, [
	"// Code generated by scripts/protocol.mjs; DO NOT EDIT.\n",
	`// Schema release ${RELEASE}, sha256 ${createHash("sha256").update(bytes).digest("hex")}.\n\n`,
	maps.join("\n"), "\n", types.join("\n"),
].join(""));
