// Both sides of a file change, from one side and the hunks. Pure.
import type { FileUpdateChange } from "./protocol.gen";

interface Hunk {
	/** The line of the old file, from 1. */
	at: number;
	before: string[];
	after: string[];
}

function parse(diff: string): Hunk[] {
	const hunks: Hunk[] = [];
	let hunk: Hunk | undefined;
	for (const line of diff.split("\n")) {
		const head = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,\d+)? @@/.exec(line);
		if (head) {
			hunk = { at: Number(head[1]) + (head[2] === "0" ? 1 : 0), before: [], after: [] };
			hunks.push(hunk);
		} else if (!hunk || line.startsWith("\\")) continue;
		else if (line.startsWith("-")) hunk.before.push(line.slice(1));
		else if (line.startsWith("+")) hunk.after.push(line.slice(1));
		else if (line.startsWith(" ")) {
			hunk.before.push(line.slice(1));
			hunk.after.push(line.slice(1));
		} else if (line === "") hunk = undefined; // the end, or what is said after it
	}
	return hunks;
}

function matches(lines: string[], at: number, wanted: string[]): boolean {
	return wanted.every((line, i) => lines[at + i] === line);
}

function apply(text: string, hunks: Hunk[], back: boolean): string | undefined {
	const lines = text.split("\n");
	let shift = 0;
	for (const hunk of hunks) {
		const [from, to] = back ? [hunk.after, hunk.before] : [hunk.before, hunk.after];
		// Lines may have moved since: the nearest place that fits is taken.
		const expected = hunk.at - 1 + (back ? 0 : shift);
		let place: number | undefined;
		for (let off = 0; off <= lines.length && place === undefined; off++) {
			for (const at of [expected + off, expected - off]) {
				if (at >= 0 && at <= lines.length && matches(lines, at, from)) place = at;
				if (place !== undefined) break;
			}
		}
		if (place === undefined) return undefined;
		lines.splice(place, from.length, ...to);
		shift += to.length - from.length;
	}
	return lines.join("\n");
}

/** The text with the change made or taken back; undefined when it does not fit. */
export function patched(text: string, diff: string): string | undefined {
	return apply(text, parse(diff), false);
}

export function unpatched(text: string, diff: string): string | undefined {
	return apply(text, parse(diff), true);
}

export interface Sides {
	before: string;
	after: string;
	/** The file on disk is the right side. */
	done: boolean;
}

/** Both sides, given what is on disk now (undefined: no such file). Undefined when the disk has moved on. */
export function sides(change: FileUpdateChange, disk: string | undefined, moved?: string): Sides | undefined {
	switch (change.kind.type) {
		case "add":
			return { before: "", after: change.diff, done: disk === change.diff };
		case "delete":
			return { before: disk ?? change.diff, after: "", done: disk === undefined };
		case "update": {
			const now = moved ?? disk;
			if (now === undefined) return undefined;
			const before = unpatched(now, change.diff);
			if (before !== undefined && (moved !== undefined || patched(now, change.diff) === undefined)) return { before, after: now, done: true };
			const after = patched(now, change.diff);
			if (after !== undefined) return { before: now, after, done: false };
			return before === undefined ? undefined : { before, after: now, done: true };
		}
	}
}

/** Lines added and taken away. */
export function counts(change: FileUpdateChange): { added: number; removed: number } {
	const lines = change.diff.split("\n");
	const whole = lines.length - (change.diff.endsWith("\n") ? 1 : 0);
	if (change.kind.type === "add") return { added: whole, removed: 0 };
	if (change.kind.type === "delete") return { added: 0, removed: whole };
	const hunks = parse(change.diff);
	const body = hunks.length ? lines.slice(lines.findIndex((line) => line.startsWith("@@"))) : [];
	return { added: body.filter((line) => line.startsWith("+")).length, removed: body.filter((line) => line.startsWith("-")).length };
}
