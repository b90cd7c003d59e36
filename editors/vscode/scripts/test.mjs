// Bundles the tests and runs them: node scripts/test.mjs [PATTERN]. CODEXHOST names a host for those that need one,
// CODE_SERVER an editor, VSIX the package that is installed there; without it one is built.
import { execFileSync, spawnSync } from "node:child_process";
import { readdirSync, rmSync } from "node:fs";
import { build } from "esbuild";

const pattern = process.argv[2] ?? "";
const names = readdirSync("test").filter((name) => name.endsWith(".test.ts") && name.includes(pattern));
rmSync("out/test", { recursive: true, force: true });
await build({
	entryPoints: names.map((name) => `test/${name}`), outdir: "out/test", bundle: true, platform: "node", format: "cjs",
	target: "node20", sourcemap: "inline", external: ["playwright-core"], logLevel: "warning",
});
const env = { ...process.env };
if (env.CODE_SERVER && !env.VSIX) {
	env.VSIX = "out/test/codexhost.vsix";
	execFileSync(process.execPath, ["scripts/package.mjs", env.VSIX], { stdio: ["ignore", "ignore", "inherit"] });
}
const files = names.map((name) => `out/test/${name.replace(/\.ts$/, ".js")}`);
const { status } = spawnSync(process.execPath, ["--enable-source-maps", "--test", "--test-reporter=spec", ...files], { env, stdio: "inherit" });
process.exit(status ?? 1);
