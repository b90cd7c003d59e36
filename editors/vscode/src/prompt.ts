// A prompt as the host gets it.
import type { Attachment } from "./messages";
import type { SkillMetadata, UserInput } from "./protocol.gen";

/** The text with what was attached, images, and the skills that it names. */
export function inputOf(text: string, attachments: Attachment[], skills: SkillMetadata[]): UserInput[] {
	const texts = [text, ...attachments.flatMap((one) => one.text ?? [])].filter(Boolean);
	const input: UserInput[] = texts.length > 0 ? [{ type: "text", text: texts.join("\n\n") }] : [];
	for (const { image } of attachments) if (image) input.push({ type: "image", url: image });
	for (const skill of skills) {
		// A name that two skills have is left in the text, for the host to judge.
		if (!skill.enabled || skills.filter((one) => one.name === skill.name).length > 1) continue;
		if (words(text).includes(`$${skill.name}`)) input.push({ type: "skill", name: skill.name, path: skill.path });
	}
	return input;
}

function words(text: string): string[] {
	return text.split(/\s+/).map((word) => word.replace(/[.,;:!?)]+$/, ""));
}

/** A part of a file, as the model reads it. The lines count from 1. */
export function excerpt(file: string, language: string, from: number, to: number, text: string): Attachment {
	const ticks = "`".repeat(Math.max(3, ...[...text.matchAll(/`+/g)].map((run) => run[0].length + 1)));
	const lines = from === to ? `${from}` : `${from}-${to}`;
	return { label: `${file.split(/[\\/]/).pop()}:${lines}`, text: `${file}:${lines}\n${ticks}${language}\n${text}\n${ticks}` };
}
