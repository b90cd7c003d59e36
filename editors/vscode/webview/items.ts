// One entry of a turn, as elements.
import type { Entry } from "../src/model";
import { counts } from "../src/patch";
import type { ThreadItem, UserInput } from "../src/protocol.gen";
import { shown } from "../src/shell";
import { h } from "./dom";
import { type CodeActions, rendered } from "./markdown";

export interface ItemActions extends CodeActions {
	diff(itemId: string, index: number): void;
}

/** What of an element a person set, and a new rendering must keep. */
function folded(entry: Entry, label: string, body: Node, open: boolean, extra: string): HTMLElement {
	return h("details", { class: `fold ${extra}`, open, "data-fold": entry.id }, h("summary", {}, label), body);
}

function cut(entry: Entry, status: string): string {
	if (entry.waiting && !entry.done) return "waiting";
	return entry.done && status === "inProgress" ? "interrupted" : status;
}

export function element(entry: Entry, actions: ItemActions): HTMLElement | undefined {
	const { item } = entry;
	switch (item.type) {
		case "userMessage":
			return h("article", { class: "user", "aria-label": "You" }, ...item.content.map(input));
		case "agentMessage": {
			if (item.text === "" && !entry.done) return h("article", { class: "agent", "aria-label": "Agent" }, h("span", { class: "faint" }, "…"));
			const lost = entry.done && item.completedAtMs == null;
			return h("article", { class: "agent", "aria-label": "Agent" }, rendered(item.text, actions), lost && h("p", { class: "faint" }, "(cut off)"));
		}
		case "plan":
			return h("article", { class: "agent plan-item", "aria-label": "Proposed plan" }, rendered(item.text, actions));
		case "reasoning": {
			const text = (item.summary?.length ? item.summary : item.content ?? []).filter(Boolean).join("\n\n");
			if (text === "") return undefined;
			return folded(entry, entry.done ? "Reasoning" : "Reasoning…", rendered(text, actions), false, "reasoning");
		}
		case "commandExecution":
			return command(entry, item);
		case "fileChange": {
			const status = cut(entry, item.status);
			return h("div", { class: `tool ${status}`, role: "group", "aria-label": "File changes" },
				h("div", { class: "tool-head" }, h("span", { class: "label" }, `Changes: ${label(status)}`)),
				...item.changes.map((change, index) => {
					const { added, removed } = counts(change);
					return h("button", { type: "button", class: "file", title: `Show the change of ${change.path}`, click: () => actions.diff(entry.id, index) },
						h("span", {}, `${change.kind.type} ${change.path.split(/[\\/]/).pop()}`),
						h("span", { class: "added" }, `+${added}`), h("span", { class: "removed" }, `−${removed}`));
				}));
		}
		case "mcpToolCall": {
			const status = cut(entry, item.status);
			const result = item.error?.message ?? item.result?.content.map((part) => (part as { text?: string }).text ?? JSON.stringify(part)).join("\n") ?? entry.output;
			return tool(entry, `${item.server} / ${item.tool}`, status, item.arguments, result);
		}
		case "dynamicToolCall":
			return tool(entry, item.tool, cut(entry, item.status), item.arguments, JSON.stringify(item.contentItems ?? []));
		case "webSearch":
			return h("p", { class: "faint" }, `Searched the web: ${item.query}`);
		case "imageView":
			return h("p", { class: "faint" }, `Looked at ${item.path}`);
		case "contextCompaction":
			return h("p", { class: "faint" }, entry.done ? "The context was compacted." : "Compacting the context…");
		case "enteredReviewMode":
			return h("p", { class: "faint" }, `Review: ${item.review}`);
		case "exitedReviewMode":
			return h("article", { class: "agent", "aria-label": "Review" }, rendered(item.review, actions));
		case "collabAgentToolCall":
			return tool(entry, `agent: ${item.tool}`, cut(entry, item.status), item.prompt ?? "", "");
		default:
			return undefined;
	}
}

function input(part: UserInput): Node {
	switch (part.type) {
		case "text":
			return h("div", { class: "text" }, part.text);
		case "image":
			return "url" in part && part.url.startsWith("data:image/") ? h("img", { src: part.url, alt: "Image" }) : h("span", { class: "chip" }, "image");
		case "localImage":
			return h("span", { class: "chip" }, part.path);
		case "skill":
		case "mention":
			return h("span", { class: "chip" }, part.name);
		default:
			return h("span", { class: "chip" }, part.type);
	}
}

function label(status: string): string {
	switch (status) {
		case "inProgress":
			return "running…";
		case "waiting":
			return "waits for you";
		case "completed":
			return "done";
		default:
			return status;
	}
}

function command(entry: Entry, item: ThreadItem & { type: "commandExecution" }): HTMLElement {
	const status = cut(entry, item.status);
	const output = item.aggregatedOutput ?? entry.output;
	const end = status === "completed" || (status === "failed" && item.exitCode != null) ? `exit ${item.exitCode}` : label(status);
	const took = item.durationMs != null && item.durationMs >= 100 ? `, ${(item.durationMs / 1000).toFixed(1)} s` : "";
	const lines = output.split("\n").length;
	return h("div", { class: `tool ${status}`, role: "group", "aria-label": `Command, ${end}` },
		h("div", { class: "tool-head" }, h("code", { class: "command", title: item.command }, shown(item.command)), h("span", { class: "label" }, end + took)),
		output !== "" && folded(entry, "Output", h("pre", { tabindex: 0, class: "output" }, output), !entry.done || lines <= 12 || status === "failed", "out"));
}

function tool(entry: Entry, name: string, status: string, args: unknown, result: string): HTMLElement {
	const given = typeof args === "string" ? args : JSON.stringify(args, null, 2);
	return h("div", { class: `tool ${status}`, role: "group", "aria-label": `Tool ${name}` },
		h("div", { class: "tool-head" }, h("code", { class: "command" }, name), h("span", { class: "label" }, label(status))),
		folded(entry, "Details", h("pre", { tabindex: 0, class: "output" }, [given, result].filter(Boolean).join("\n\n")), status === "failed", "out"));
}
