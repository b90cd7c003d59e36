// Whether a view can be used with the keyboard and a screen reader: axe's rules, and that Tab gets to every control.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";
import type { FrameLocator } from "playwright-core";

const source = createRequire(resolve("package.json")).resolve("axe-core/axe.min.js");

interface Found {
	violations: { id: string; help: string; nodes: { html: string; failureSummary?: string }[] }[];
}

/** Throws with what is wrong, and where. The page around the view, with its heading, is VS Code's. */
export async function accessible(view: FrameLocator, state: string): Promise<void> {
	const frame = (await (await view.locator(":root").elementHandle())!.ownerFrame())!;
	await frame.evaluate(`typeof axe === "undefined" && (() => { ${readFileSync(source, "utf8")} })()`);
	const { violations } = await frame.evaluate<Found>('axe.run(document, { resultTypes: ["violations"], rules: { "page-has-heading-one": { enabled: false } } })');
	const wrong = violations.flatMap(({ id, help, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${help}\n  ${html}\n  ${failureSummary ?? ""}`));
	wrong.push(...await frame.evaluate<string[]>(`[...document.querySelectorAll("button, a, input, textarea, select, summary")]
		.filter((one) => one.checkVisibility() && !one.disabled && one.tabIndex < 0).map((one) => "not reached with Tab: " + one.outerHTML)`));
	if (wrong.length > 0) throw new Error(`${state} is not accessible:\n${wrong.join("\n")}`);
}
