// What the host asks, as a question for a person: what exactly will happen, and the answers there are.
import type {
	CommandExecutionApprovalDecision, FileUpdateChange, McpElicitationPrimitiveSchema, RequestId, ServerRequests, ThreadItem,
} from "./protocol.gen";

export type Tone = "accept" | "lasting" | "refuse";

export interface Field {
	name: string;
	label: string;
	description?: string;
	kind: "text" | "secret" | "number" | "boolean" | "one" | "many";
	required: boolean;
	options?: { value: string; label: string; description?: string }[];
	/** Beside the options another answer can be typed. */
	other?: boolean;
	initial?: string;
}

export type Values = Record<string, string | string[] | boolean>;

export interface Choice {
	label: string;
	tone: Tone;
	/** The fields must be filled in for it. */
	needsFields?: boolean;
	answer: (values: Values) => unknown;
}

export interface Question {
	title: string;
	reason?: string;
	/** Exactly what runs, or is asked for; shown as it is. */
	code?: string;
	cwd?: string;
	notes: string[];
	files: FileUpdateChange[];
	url?: string;
	fields: Field[];
	choices: Choice[];
}

/** A question that waits, as it goes to the view: without the answers. */
export interface Asked extends Omit<Question, "choices"> {
	key: string;
	threadId: string;
	itemId?: string;
	choices: Omit<Choice, "answer">[];
}

type Method = keyof ServerRequests;
type Params<M extends Method> = ServerRequests[M]["params"];

export function keyOf(id: RequestId): string {
	return JSON.stringify(id);
}

/** Undefined for what cannot be asked here. The item is the one that the request is about, if it was announced. */
export function describe(method: string, params: unknown, item?: ThreadItem): Question | undefined {
	switch (method as Method) {
		case "item/commandExecution/requestApproval":
			return command(params as Params<"item/commandExecution/requestApproval">, item);
		case "item/fileChange/requestApproval":
			return fileChange(params as Params<"item/fileChange/requestApproval">, item);
		case "item/permissions/requestApproval":
			return permissions(params as Params<"item/permissions/requestApproval">);
		case "item/tool/requestUserInput":
			return userInput(params as Params<"item/tool/requestUserInput">);
		case "mcpServer/elicitation/request":
			return elicitation(params as Params<"mcpServer/elicitation/request">);
		default:
			return undefined;
	}
}

const decide = (decision: CommandExecutionApprovalDecision) => () => ({ decision });
const plain = { notes: [], files: [], fields: [] };

function command(params: Params<"item/commandExecution/requestApproval">, item?: ThreadItem): Question {
	const started = item?.type === "commandExecution" ? item : undefined;
	const network = params.networkApprovalContext;
	const choices: Choice[] = [
		{ label: "Run", tone: "accept", answer: decide("accept") },
		{ label: "Run, and don't ask again in this thread", tone: "lasting", answer: decide("acceptForSession") },
	];
	const offered = params.availableDecisions ?? [];
	for (const decision of offered) {
		if (typeof decision !== "object") continue;
		if ("acceptWithExecpolicyAmendment" in decision) {
			const words = decision.acceptWithExecpolicyAmendment.execpolicy_amendment;
			choices.push({ label: `Always run what starts with “${words.join(" ")}”`, tone: "lasting", answer: decide(decision) });
		} else {
			const { action, host } = decision.applyNetworkPolicyAmendment.network_policy_amendment;
			choices.push({ label: `Always ${action} ${host}`, tone: action === "allow" ? "lasting" : "refuse", answer: decide(decision) });
		}
	}
	choices.push({ label: "Don't run", tone: "refuse", answer: decide("decline") }, { label: "Stop the turn", tone: "refuse", answer: decide("cancel") });
	const notes = [];
	if (network) notes.push(`Connects to ${network.host} (${network.protocol}).`);
	if (params.additionalPermissions) notes.push(`With more permissions: ${JSON.stringify(params.additionalPermissions)}`);
	return {
		...plain, notes, choices, title: network ? "Connect to the network?" : "Run this command?",
		reason: params.reason ?? undefined, code: params.command ?? started?.command ?? "", cwd: params.cwd ?? started?.cwd,
	};
}

function fileChange(params: Params<"item/fileChange/requestApproval">, item?: ThreadItem): Question {
	const files = item?.type === "fileChange" ? item.changes : [];
	return {
		...plain, files, title: files.length === 1 ? "Change this file?" : `Change these ${files.length} files?`,
		reason: params.reason ?? undefined,
		notes: params.grantRoot ? [`Accepting allows writing below ${params.grantRoot} for the rest of the session.`] : [],
		choices: [
			{ label: "Apply", tone: "accept", answer: decide("accept") },
			{ label: "Apply, and don't ask again for these files", tone: "lasting", answer: decide("acceptForSession") },
			{ label: "Don't apply", tone: "refuse", answer: decide("decline") },
			{ label: "Stop the turn", tone: "refuse", answer: decide("cancel") },
		],
	};
}

function permissions(params: Params<"item/permissions/requestApproval">): Question {
	const { fileSystem, network } = params.permissions;
	const granted = { ...(fileSystem ? { fileSystem } : {}), ...(network ? { network } : {}) };
	return {
		...plain, title: "Grant more permissions?", reason: params.reason ?? undefined, cwd: params.cwd,
		code: JSON.stringify(params.permissions, null, 2),
		choices: [
			{ label: "Grant for this turn", tone: "accept", answer: () => ({ permissions: granted, scope: "turn" }) },
			{ label: "Grant for this session", tone: "lasting", answer: () => ({ permissions: granted, scope: "session" }) },
			{ label: "Don't grant", tone: "refuse", answer: () => ({ permissions: {}, scope: "turn" }) },
		],
	};
}

function userInput(params: Params<"item/tool/requestUserInput">): Question {
	const fields = params.questions.map((question): Field => ({
		name: question.id, label: question.question, required: true,
		kind: question.options?.length ? "one" : question.isSecret ? "secret" : "text",
		options: question.options?.map((option) => ({ value: option.label, label: option.label, description: option.description })),
		other: question.isOther,
	}));
	const answers = (values: Values) =>
		Object.fromEntries(params.questions.map(({ id }) => [id, { answers: [values[id] ?? []].flat().map(String) }]));
	return {
		...plain, fields, title: params.questions.map((question) => question.header).filter(Boolean).join(", ") || "The agent asks",
		choices: [
			{ label: "Answer", tone: "accept", needsFields: true, answer: (values) => ({ answers: answers(values) }) },
			{ label: "Skip", tone: "refuse", answer: () => ({ answers: {} }) },
		],
	};
}

type Elicitation = Params<"mcpServer/elicitation/request"> & { message?: string; url?: string; requestedSchema?: unknown; _meta?: Record<string, unknown> | null };

function elicitation(asked: Params<"mcpServer/elicitation/request">): Question {
	const params = asked as Elicitation;
	const meta = params._meta ?? {};
	const refusals: Choice[] = [
		{ label: "Decline", tone: "refuse", answer: () => ({ action: "decline", content: null, _meta: null }) },
		{ label: "Cancel", tone: "refuse", answer: () => ({ action: "cancel", content: null, _meta: null }) },
	];
	const accept = (persist?: string) => () => ({ action: "accept", content: {}, _meta: persist ? { persist } : null });
	if (meta.codex_approval_kind === "mcp_tool_call") {
		const persist = [meta.persist ?? []].flat();
		return {
			...plain, title: `Run a tool of ${params.serverName}?`, reason: params.message,
			code: `${meta.tool_name ?? meta.tool_title ?? ""} ${JSON.stringify(meta.tool_params ?? {}, null, 2)}`.trim(),
			choices: [
				{ label: "Run", tone: "accept", answer: accept() },
				...(persist.includes("session") ? [{ label: "Run, and don't ask again in this thread", tone: "lasting" as const, answer: accept("session") }] : []),
				...(persist.includes("always") ? [{ label: "Always run this tool", tone: "lasting" as const, answer: accept("always") }] : []),
				{ ...refusals[0]!, label: "Don't run" }, { ...refusals[1]!, label: "Stop the call" },
			],
		};
	}
	const title = `${params.serverName} asks`;
	if (params.mode === "url") {
		return { ...plain, title, reason: params.message, url: params.url, choices: [{ label: "Done", tone: "accept", answer: accept() }, ...refusals] };
	}
	const schema = params.requestedSchema as { properties?: Record<string, McpElicitationPrimitiveSchema>; required?: string[] | null } | undefined;
	const fields = Object.entries(schema?.properties ?? {}).map(([name, one]) => field(name, one, schema?.required?.includes(name) ?? false));
	const content = (values: Values) => Object.fromEntries(fields.flatMap(({ name, kind }) => {
		const value = values[name];
		if (value === undefined || value === "") return [];
		return [[name, kind === "number" ? Number(value) : value]];
	}));
	return {
		...plain, title, reason: params.message, fields,
		choices: [{ label: "Send", tone: "accept", needsFields: true, answer: (values) => ({ action: "accept", content: content(values), _meta: null }) }, ...refusals],
	};
}

type Options = { const: string; title: string }[];

function field(name: string, schema: McpElicitationPrimitiveSchema, required: boolean): Field {
	const loose = schema as {
		type: string; title?: string; description?: string; default?: unknown; enum?: string[]; enumNames?: string[]; oneOf?: Options;
		items?: { enum?: string[]; anyOf?: Options };
	};
	const named = loose.oneOf ?? loose.items?.anyOf;
	const options = named?.map((one) => ({ value: one.const, label: one.title }))
		?? (loose.enum ?? loose.items?.enum)?.map((value, i) => ({ value, label: loose.enumNames?.[i] ?? value }));
	const kind = loose.type === "array" ? "many" : options ? "one" : loose.type === "boolean" ? "boolean"
		: loose.type === "number" || loose.type === "integer" ? "number" : "text";
	return {
		name, label: loose.title ?? name, description: loose.description, kind, required, options,
		initial: loose.default == null ? undefined : String(loose.default),
	};
}
