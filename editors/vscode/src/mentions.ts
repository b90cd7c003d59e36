// What completes a word that starts with @ (files of all folders of the workspace) or $ (skills).
import { join, relative } from "node:path";
import type { Suggestion } from "./messages";
import type { SkillMetadata } from "./protocol.gen";
import type { Session } from "./session";

const SHOWN = 12;

export async function suggestions(session: Pick<Session, "request">, query: string, roots: string[], cwd: string | undefined, skills: SkillMetadata[]): Promise<Suggestion[]> {
	const word = query.slice(1);
	if (query.startsWith("$")) {
		return skills
			.filter((skill) => skill.enabled && skill.name.toLowerCase().includes(word.toLowerCase()))
			.slice(0, SHOWN)
			.map((skill) => ({ insert: `$${skill.name}`, label: skill.name, detail: skill.shortDescription ?? skill.description }));
	}
	if (word === "" || roots.length === 0) return [];
	const { files } = await session.request("fuzzyFileSearch", { query: word, roots });
	return files.slice(0, SHOWN).map((file) => {
		const path = mention(join(file.root, file.path), cwd);
		return { insert: /\s/.test(path) ? `@"${path}"` : `@${path}`, label: file.file_name, detail: path };
	});
}

/** How a file is named to the agent: from the thread's folder, or in full when it lies elsewhere. */
export function mention(file: string, cwd: string | undefined): string {
	const short = cwd === undefined ? file : relative(cwd, file);
	return short === "" ? "." : short.startsWith("..") ? file : short;
}
