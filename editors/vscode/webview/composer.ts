// Where a person writes: the prompt, what goes with it, mentions, and the pickers.
import type { Attachment, Bar, FromView, Suggestion, ToView } from "../src/messages";
import { h, replace } from "./dom";

interface Memory {
	getState(): unknown;
	setState(state: unknown): void;
}

export class Composer {
	private readonly box = h("textarea", { id: "prompt", rows: 3, "aria-label": "Prompt", placeholder: "Ask, or say what to do", "aria-controls": "suggestions", "aria-autocomplete": "list" });
	private readonly chips = h("div", { class: "chips" });
	private readonly list = h("ul", { id: "suggestions", role: "listbox", "aria-label": "Suggestions", hidden: true });
	private readonly send = h("button", { type: "submit", class: "accept" }, "Send");
	private readonly stop = h("button", { type: "button", hidden: true, title: "Interrupt the turn (Escape)" }, "Stop");
	private readonly pickers = h("div", { class: "pickers" });
	readonly root: HTMLElement;
	private attachments: Attachment[] = [];
	private suggestions: Suggestion[] = [];
	private picked = 0;
	private past: string[] = [];
	private sending: { text: string; attachments: Attachment[] } | undefined;

	constructor(private readonly post: (message: FromView) => void, private readonly memory: Memory) {
		this.root = h("form", { id: "composer", "aria-label": "Prompt" }, this.chips, this.list, this.box, h("div", { class: "row" }, this.pickers, this.stop, this.send));
		this.root.addEventListener("submit", (event) => {
			event.preventDefault();
			this.submit();
		});
		this.stop.addEventListener("click", () => post({ type: "interrupt" }));
		this.box.addEventListener("keydown", (event) => this.key(event));
		this.box.addEventListener("input", () => this.written());
		this.box.addEventListener("blur", () => setTimeout(() => this.close(), 150));
		this.box.addEventListener("paste", (event) => this.paste(event));
		const draft = memory.getState() as { draft?: string } | undefined;
		this.box.value = draft?.draft ?? "";
	}

	show(bar: Bar): void {
		this.stop.hidden = !bar.busy;
		this.send.textContent = bar.busy ? "Steer" : "Send";
		this.send.title = bar.busy ? "Tell the agent while it works" : "";
		const picker = (what: string, value: string, command: "selectModel" | "selectEffort" | "selectSandbox" | "selectApprovals" | "selectMode") =>
			h("button", { type: "button", title: `${what}: ${value}`, "aria-label": `${what}: ${value}`, "data-command": command }, value);
		replace(this.pickers, picker("Mode", bar.mode, "selectMode"), picker("Model", bar.model, "selectModel"), picker("Reasoning effort", bar.effort, "selectEffort"),
			picker("Sandbox", bar.sandbox, "selectSandbox"), picker("Asks", bar.approvals, "selectApprovals"));
		for (const button of this.pickers.querySelectorAll("button")) {
			button.onclick = () => this.post({ type: "command", command: button.dataset.command as "selectModel" });
		}
	}

	take(message: ToView): void {
		switch (message.type) {
			case "attach":
				this.attach(message.attachment);
				break;
			case "insert":
				this.box.setRangeText(message.text, this.box.selectionStart, this.box.selectionEnd, "end");
				this.box.focus();
				this.written();
				break;
			case "focus":
				this.box.focus();
				break;
			case "suggestions":
				if (this.mention()?.query === message.query) this.offer(message.list);
				break;
			case "sent":
				this.sending = undefined;
				break;
			case "unsent": // the prompt is given back, the reason is told in the conversation
				if (this.sending && this.box.value === "") {
					this.box.value = this.sending.text;
					this.sending.attachments.forEach((one) => this.attach(one));
				}
				this.sending = undefined;
				break;
		}
	}

	private submit(): void {
		const text = this.box.value.trim();
		if (text === "" && this.attachments.length === 0) return;
		this.sending = { text, attachments: this.attachments };
		this.post({ type: "send", ...this.sending });
		if (text !== "") this.past.push(text);
		this.box.value = "";
		this.attachments = [];
		this.chips.replaceChildren();
		this.memory.setState({ draft: "" });
		this.close();
	}

	private key(event: KeyboardEvent): void {
		if (event.isComposing) return;
		const open = !this.list.hidden;
		if (open && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
			this.pick((this.picked + (event.key === "ArrowDown" ? 1 : -1) + this.suggestions.length) % this.suggestions.length);
			event.preventDefault();
		} else if (open && (event.key === "Enter" || event.key === "Tab")) {
			this.accept(this.picked);
			event.preventDefault();
		} else if (open && event.key === "Escape") {
			this.close();
			event.preventDefault();
		} else if (event.key === "Enter" && !event.shiftKey) {
			event.preventDefault();
			this.submit();
		} else if (event.key === "ArrowUp" && this.box.value === "" && this.past.length > 0) {
			this.box.value = this.past.at(-1)!;
			event.preventDefault();
		}
	}

	private written(): void {
		this.memory.setState({ draft: this.box.value });
		const mention = this.mention();
		if (mention) this.post({ type: "suggest", query: mention.query });
		else this.close();
	}

	/** The @ or $ word before the cursor. */
	private mention(): { query: string; from: number } | undefined {
		const before = this.box.value.slice(0, this.box.selectionStart);
		const query = /(?:^|\s)([@$][^\s@$]*)$/.exec(before)?.[1];
		return query === undefined ? undefined : { query, from: before.length - query.length };
	}

	private offer(list: Suggestion[]): void {
		this.suggestions = list;
		this.list.hidden = list.length === 0;
		this.list.replaceChildren(...list.map((one, i) => {
			const option = h("li", { role: "option", id: `suggestion-${i}` }, h("span", {}, one.label), h("span", { class: "faint" }, ` ${one.detail}`));
			option.addEventListener("mousedown", (event) => {
				event.preventDefault();
				this.accept(i);
			});
			return option;
		}));
		if (list.length > 0) this.pick(0);
		else this.box.removeAttribute("aria-activedescendant");
	}

	private pick(index: number): void {
		this.picked = index;
		[...this.list.children].forEach((option, i) => option.setAttribute("aria-selected", String(i === index)));
		this.list.children[index]?.scrollIntoView({ block: "nearest" });
		this.box.setAttribute("aria-activedescendant", `suggestion-${index}`);
	}

	private accept(index: number): void {
		const mention = this.mention();
		const one = this.suggestions[index];
		if (mention && one) this.box.setRangeText(`${one.insert} `, mention.from, this.box.selectionStart, "end");
		this.close();
		this.memory.setState({ draft: this.box.value });
	}

	private close(): void {
		this.offer([]);
	}

	private attach(attachment: Attachment): void {
		this.attachments.push(attachment);
		const chip = h("span", { class: "chip" }, attachment.label,
			h("button", { type: "button", "aria-label": `Remove ${attachment.label}`, click: () => {
				this.attachments = this.attachments.filter((one) => one !== attachment);
				chip.remove();
			} }, "×"));
		this.chips.append(chip);
		this.box.focus();
	}

	private paste(event: ClipboardEvent): void {
		for (const item of event.clipboardData?.items ?? []) {
			if (!/^image\/(png|jpeg|gif|webp)$/.test(item.type)) continue;
			const file = item.getAsFile();
			if (!file) continue;
			event.preventDefault();
			const reader = new FileReader();
			reader.onload = () => this.attach({ label: file.name || "image", image: String(reader.result) });
			reader.readAsDataURL(file);
		}
	}
}
