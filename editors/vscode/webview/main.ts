// The chat view: draws what it is told, and tells what a person does.
import type { Bar, FromView, Notice, ToView, TurnHead } from "../src/messages";
import type { Entry } from "../src/model";
import { Composer } from "./composer";
import { h, replace } from "./dom";
import { element } from "./items";
import { Questions } from "./questions";

declare function acquireVsCodeApi(): { postMessage(message: FromView): void; getState(): unknown; setState(state: unknown): void };
const vscode = acquireVsCodeApi();
const post = (message: FromView) => vscode.postMessage(message);

const log = h("main", { id: "log", tabindex: 0, "aria-label": "Conversation" });
const hello = h("div", { class: "hello" }, h("p", {}, "Ask the agent about this workspace, or give it something to do."),
	h("p", { class: "faint" }, "@ mentions a file, $ a skill. Enter sends, Shift+Enter breaks the line, Escape interrupts."));
const steps = h("details", { class: "fold", open: true });
const plan = h("section", { id: "plan", "aria-label": "Plan" }, steps);
const meter = h("footer", { id: "meter" });
const host = h("div", { id: "host", role: "status" });
// Streamed text would be read out again and again; what is worth hearing is said here, once.
const polite = h("div", { class: "unseen", "aria-live": "polite" });
const urgent = h("div", { class: "unseen", role: "alert" });
const questions = new Questions(post, (text) => (urgent.textContent = text));
const composer = new Composer(post, vscode);
document.body.append(host, log, plan, questions.root, composer.root, meter, polite, urgent);

const actions = {
	copy: (text: string) => post({ type: "copy", text }),
	insert: (text: string) => post({ type: "insertCode", text }),
	link: (href: string) => post({ type: "link", href }),
	diff: (itemId: string, index: number) => post({ type: "diff", itemId, index }),
};

interface TurnView {
	root: HTMLElement;
	body: HTMLElement;
	foot: HTMLElement;
	nodes: Map<string, HTMLElement>;
}

const turns = new Map<string, TurnView>();

function turnView(id: string): TurnView {
	let turn = turns.get(id);
	if (!turn) {
		const body = h("div", { class: "entries" });
		const foot = h("div", { class: "turn-foot" });
		turn = { root: h("div", { class: "turn", role: "group", "aria-label": `Turn ${turns.size + 1}` }, body, foot), body, foot, nodes: new Map() };
		turns.set(id, turn);
		hello.remove();
		log.append(turn.root);
	}
	return turn;
}

function drawTurn(head: TurnHead): void {
	const { root, foot } = turnView(head.id);
	root.classList.toggle("running", head.status === "inProgress");
	const parts: Node[] = [];
	if (head.retrying) parts.push(h("p", { class: "warning" }, head.retrying));
	if (head.error) parts.push(h("p", { class: "error" }, head.error));
	if (head.status === "interrupted") parts.push(h("p", { class: "faint" }, "Interrupted"));
	if (head.status !== "inProgress") {
		const tools = h("div", { class: "turn-tools" });
		if (head.changedFiles > 0) {
			const text = head.changedFiles === 1 ? "1 file changed" : `${head.changedFiles} files changed`;
			tools.append(h("button", { type: "button", class: "link", title: "Show all changes of this turn", click: () => post({ type: "turnDiff", turnId: head.id }) }, text));
		}
		tools.append(h("button", { type: "button", class: "link", title: "Go on from here in a new thread", click: () => post({ type: "fork", turnId: head.id }) }, "Fork from here"));
		parts.push(tools);
	}
	foot.replaceChildren(...parts);
}

function drawEntry(entry: Entry): void {
	const turn = turnView(entry.turnId);
	const old = turn.nodes.get(entry.id);
	const now = element(entry, actions) ?? h("span", { hidden: true });
	for (const fold of old?.querySelectorAll<HTMLDetailsElement>("details[data-touched]") ?? []) {
		const again = [...now.querySelectorAll<HTMLDetailsElement>("details"), ...(now instanceof HTMLDetailsElement ? [now] : [])].find((one) => one.dataset.fold === fold.dataset.fold);
		if (again) touch(again, fold.open);
	}
	if (old instanceof HTMLDetailsElement && old.dataset.touched && now instanceof HTMLDetailsElement) touch(now, old.open);
	for (const fold of [now, ...now.querySelectorAll("details")]) {
		if (fold instanceof HTMLDetailsElement) fold.querySelector("summary")!.addEventListener("click", () => (fold.dataset.touched = "1"));
	}
	if (old) old.replaceWith(now);
	else turn.body.append(now);
	turn.nodes.set(entry.id, now);
	if (entry.item.type === "commandExecution" && !entry.done) {
		const output = now.querySelector(".output");
		if (output) output.scrollTop = output.scrollHeight;
	}
}

function touch(fold: HTMLDetailsElement, open: boolean): void {
	fold.open = open;
	fold.dataset.touched = "1";
}

// The reader is at the end, and stays there, whatever is drawn and whatever takes room from the conversation.
let atEnd = true;
let measured = "";
const measure = () => `${log.scrollHeight} ${log.clientWidth} ${log.clientHeight}`;
const toEnd = () => {
	if (atEnd) log.scrollTop = log.scrollHeight;
	measured = measure();
};
log.addEventListener("scroll", () => {
	// Where sizes change the browser scrolls as well, which says nothing about the reader.
	if (measure() === measured) atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
	else toEnd();
});
log.addEventListener("load", toEnd, true); // pictures
log.addEventListener("toggle", () => (measured = measure()), true);
new ResizeObserver(toEnd).observe(log);

function following(draw: () => void): void {
	draw();
	toEnd();
}

let bar: Bar | undefined;

function drawBar(now: Bar): void {
	if (bar?.busy && !now.busy && bar.threadId === now.threadId) {
		const text = [...log.querySelectorAll(".agent")].at(-1)?.textContent ?? "";
		polite.textContent = `The turn is over. ${text.slice(0, 400)}`;
	}
	bar = now;
	drawHost(now);
	const planned = now.plan?.steps ?? [];
	plan.hidden = planned.length === 0;
	if (planned.length > 0) {
		const done = planned.filter((step) => step.status === "completed").length;
		const sign = { pending: "○", inProgress: "◐", completed: "●" };
		const spoken = { pending: "to do", inProgress: "in progress", completed: "done" };
		replace(steps, h("summary", {}, `Plan, ${done} of ${planned.length} done`),
			h("ol", {}, ...planned.map(({ step, status }) => h("li", { class: status }, h("span", { role: "img", "aria-label": spoken[status] }, sign[status]), ` ${step}`))));
	}
	questions.show(now.questions, now.folder);
	composer.show(now);
	const left = now.contextLeft === undefined ? undefined : Math.round(now.contextLeft * 100);
	replace(meter,
		h("span", { class: "title", title: now.folder }, now.title),
		...(now.tokens === undefined ? [] : [h("span", { title: "Tokens of this thread" }, `${now.tokens.toLocaleString("en-US")} tokens`)]),
		...(left === undefined ? [] : [h("span", { title: "Of the model's context" }, `${left}% context left`)]));
}

function drawHost(now: Bar): void {
	const button = (label: string, command: Extract<FromView, { type: "command" }>["command"]) =>
		h("button", { type: "button", click: () => post({ type: "command", command }) }, label);
	host.className = now.host.is;
	switch (now.host.is) {
		case "failed":
			host.replaceChildren(h("p", {}, `The host does not run. ${now.host.reason}`),
				h("div", {}, button("Start again", "restartHost"), button("Show log", "showLog"), button("Settings", "openSettings")));
			break;
		case "starting":
			replace(host, h("p", {}, now.host.again ? "Starting the host again…" : "Starting the host…"));
			break;
		default:
			host.replaceChildren();
	}
}

function drawNotice({ kind, text }: Notice): void {
	hello.remove();
	log.append(h("p", { class: `notice ${kind}` }, text));
	if (kind === "info") polite.textContent = text;
	else urgent.textContent = text;
}

window.addEventListener("message", ({ data }: MessageEvent<ToView>) => {
	switch (data.type) {
		case "reset":
			turns.clear();
			log.replaceChildren(hello);
			for (const { head, entries } of data.turns) {
				for (const entry of entries) drawEntry(entry);
				drawTurn(head);
			}
			data.notices.forEach(drawNotice);
			drawBar(data.bar);
			atEnd = true;
			toEnd();
			break;
		case "update":
			following(() => {
				data.entries.forEach(drawEntry);
				data.turns.forEach(drawTurn);
				drawBar(data.bar);
			});
			break;
		case "notice":
			following(() => drawNotice(data.notice));
			break;
		default:
			composer.take(data);
	}
});

window.addEventListener("keydown", (event) => {
	if (event.key === "Escape" && !event.defaultPrevented && bar?.busy) post({ type: "interrupt" });
});

post({ type: "ready" });
