// Builds codexhost.vsix, or the file that is named: node scripts/package.mjs [OUT]
import { execFileSync } from "node:child_process";
import { copyFileSync, rmSync } from "node:fs";

const out = process.argv[2] ?? "codexhost.vsix";
const license = "LICENSE"; // the repository's own goes along
copyFileSync(`../../${license}`, license);
try {
	execFileSync(process.execPath, ["node_modules/@vscode/vsce/vsce", "package", "--no-dependencies", "--out", out], { stdio: "inherit" });
} finally {
	rmSync(license);
}
