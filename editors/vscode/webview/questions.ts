// What waits for an answer, with what exactly will happen.
import type { Asked, Field, Values } from "../src/approvals";
import type { FromView } from "../src/messages";
import { counts } from "../src/patch";
import { h } from "./dom";

export class Questions {
	readonly root = h("section", { id: "questions", "aria-label": "Waiting for you" });
	private readonly cards = new Map<string, HTMLElement>();

	constructor(private readonly post: (message: FromView) => void, private readonly announce: (text: string) => void) {}

	show(questions: Asked[], folder: string): void {
		const keys = new Set(questions.map((one) => one.key));
		for (const [key, card] of this.cards) {
			if (keys.has(key)) continue;
			card.remove();
			this.cards.delete(key);
		}
		for (const one of questions) {
			if (this.cards.has(one.key)) continue;
			const card = this.card(one, folder);
			this.cards.set(one.key, card);
			this.root.append(card);
			this.announce(`${one.title} ${one.code ?? one.files.map((file) => file.path).join(", ")}`);
		}
		this.root.hidden = questions.length === 0;
	}

	private card(asked: Asked, folder: string): HTMLElement {
		const read: ((values: Values) => void)[] = [];
		const form = h("form", { class: "question", "aria-label": asked.title },
			h("h2", {}, asked.title),
			asked.reason !== undefined && h("p", {}, asked.reason),
			asked.code !== undefined && h("pre", { class: "asked", tabindex: 0 }, asked.code),
			asked.cwd !== undefined && h("p", { class: "faint" }, `in ${asked.cwd}`),
			...asked.notes.map((note) => h("p", { class: "warning" }, note)),
			...asked.files.map((change, index) => {
				const { added, removed } = counts(change);
				return h("button", { type: "button", class: "file", title: `Show the change of ${change.path}`, click: () => this.post({ type: "diff", itemId: asked.itemId ?? "", index }) },
					h("span", {}, `${change.kind.type} ${within(folder, change.path)}`), h("span", { class: "added" }, `+${added}`), h("span", { class: "removed" }, `−${removed}`));
			}),
			asked.url !== undefined && h("p", {}, h("a", { href: asked.url, click: (event: Event) => {
				event.preventDefault();
				this.post({ type: "link", href: asked.url! });
			} }, asked.url)),
			...asked.fields.map((one) => control(one, read)),
			h("div", { class: "choices" }, ...ordered(asked.choices).map(([index, choice]) =>
				h("button", { type: "button", class: choice.tone, click: () => {
					const values: Values = {};
					for (const take of read) take(values);
					if (choice.needsFields && !form.reportValidity()) return;
					for (const button of form.querySelectorAll<HTMLButtonElement>(".choices button")) button.disabled = true;
					this.post({ type: "answer", key: asked.key, choice: index, values });
				} }, choice.label))));
		form.addEventListener("submit", (event) => event.preventDefault());
		return form;
	}
}

/** What holds this once comes first, so that a refusal is in sight as well. */
function ordered(choices: Asked["choices"]): [number, Asked["choices"][number]][] {
	const all = [...choices.entries()];
	return [...all.filter(([, one]) => one.tone !== "lasting"), ...all.filter(([, one]) => one.tone === "lasting")];
}

/** Short for what lies in the folder; what does not is told in full. */
function within(folder: string, path: string): string {
	return folder !== "" && /[\\/]/.test(path[folder.length] ?? "") && path.startsWith(folder) ? path.slice(folder.length + 1) : path;
}

function control(field: Field, read: ((values: Values) => void)[]): HTMLElement {
	const id = `field-${field.name}-${Math.random().toString(36).slice(2)}`;
	const hint = field.description !== undefined && h("p", { class: "faint" }, field.description);
	if (field.kind === "one" || field.kind === "many") {
		const type = field.kind === "one" ? "radio" : "checkbox";
		const options = field.options ?? [];
		const inputs = options.map((option) => h("input", {
			type, name: id, value: option.value, checked: option.value === field.initial, required: type === "radio" && field.required && !field.other,
		}));
		const other = field.other ? h("input", { type: "text", placeholder: "Something else", "aria-label": `${field.label}: something else` }) : undefined;
		read.push((values) => {
			const picked = inputs.filter((one) => one.checked).map((one) => one.value);
			if (other?.value) picked.splice(0, field.kind === "one" ? picked.length : 0, other.value);
			values[field.name] = field.kind === "many" ? picked : picked[0] ?? "";
		});
		return h("fieldset", {}, h("legend", {}, field.label), hint,
			...options.map((option, i) => h("label", {}, inputs[i], ` ${option.label}`, option.description !== undefined && h("span", { class: "faint" }, ` ${option.description}`))), other);
	}
	if (field.kind === "boolean") {
		const box = h("input", { type: "checkbox", id, checked: field.initial === "true" });
		read.push((values) => void (values[field.name] = box.checked));
		return h("label", { for: id, class: "field" }, box, ` ${field.label}`, hint);
	}
	const type = field.kind === "number" ? "number" : field.kind === "secret" ? "password" : "text";
	const box = h("input", { type, id, required: field.required, value: field.initial, step: type === "number" ? "any" : undefined });
	read.push((values) => void (values[field.name] = box.value));
	return h("div", { class: "field" }, h("label", { for: id }, field.label), hint, box);
}
