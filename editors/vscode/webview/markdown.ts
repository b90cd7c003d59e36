// Markdown as the model writes it. Markup in it stays text, and only links that can be followed become links.
import MarkdownIt from "markdown-it";
import { h } from "./dom";

const markdown = new MarkdownIt({ html: false, linkify: true });
markdown.disable("image");
markdown.validateLink = (url) => !/^\s*(javascript|vbscript|data|command|vscode[\w-]*):/i.test(url);

export interface CodeActions {
	copy(text: string): void;
	insert(text: string): void;
	link(href: string): void;
}

function decoded(href: string): string {
	try {
		return decodeURIComponent(href);
	} catch {
		return href; // a percent sign of its own
	}
}

export function rendered(text: string, actions: CodeActions): HTMLElement {
	const body = h("div", { class: "markdown" });
	body.innerHTML = markdown.render(text); // without markup of its own, and under a policy that runs none
	for (const link of body.querySelectorAll("a")) {
		const href = link.getAttribute("href") ?? "";
		link.title = href;
		link.addEventListener("click", (event) => {
			event.preventDefault();
			actions.link(decoded(href));
		});
	}
	for (const pre of body.querySelectorAll("pre")) {
		const code = pre.textContent ?? "";
		const language = /language-(\S+)/.exec(pre.firstElementChild?.className ?? "")?.[1] ?? "";
		const block = h("div", { class: "code", role: "group", "aria-label": language ? `Code, ${language}` : "Code" },
			h("div", { class: "code-head" }, h("span", {}, language),
				h("button", { type: "button", click: () => actions.copy(code) }, "Copy"),
				h("button", { type: "button", title: "Insert at the cursor of the editor", click: () => actions.insert(code) }, "Insert")));
		pre.replaceWith(block);
		pre.tabIndex = 0;
		block.append(pre);
	}
	return body;
}
