// Elements without markup: text is always text.
type Attributes = Record<string, string | boolean | number | undefined | ((event: never) => void)>;

export function h<K extends keyof HTMLElementTagNameMap>(tag: K, attributes: Attributes = {}, ...children: (Node | string | undefined | false)[]): HTMLElementTagNameMap[K] {
	const element = document.createElement(tag);
	for (const [name, value] of Object.entries(attributes)) {
		if (value === undefined || value === false) continue;
		if (typeof value === "function") element.addEventListener(name, value as EventListener);
		else element.setAttribute(name, value === true ? "" : String(value));
	}
	for (const child of children) if (child) element.append(child);
	return element;
}

/** Replaces the children only when they would look different, so that focus, scrolling and selections stay. */
export function replace(parent: Element, ...children: Node[]): void {
	const old = [...parent.childNodes];
	if (old.length === children.length && old.every((node, i) => node.isEqualNode(children[i]!))) return;
	parent.replaceChildren(...children);
}
