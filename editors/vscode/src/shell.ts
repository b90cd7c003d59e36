/** The script of `/bin/bash -lc SCRIPT`, to be read; anything else as it is. What is asked about is never shortened. */
export function shown(command: string): string {
	const wrapped = /^\S*\/(?:ba|z|da)?sh -l?c (.*)$/s.exec(command)?.[1];
	if (wrapped === undefined) return command;
	if (!wrapped.startsWith("'")) return /^[\w./=:@%+-]+$/.test(wrapped) ? wrapped : command;
	// 'a'\''b' and 'a'"'"'b' are both a'b.
	if (!/^'[^']*'(?:(?:\\'|"'")'[^']*')*$/.test(wrapped)) return command;
	return wrapped.slice(1, -1).replace(/'(?:\\'|"'")'/g, "'");
}
